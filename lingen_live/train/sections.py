"""The measurements as sections of Markdown and as plain data. Knows nothing of how they were measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lingen_live.train.drift import DriftResult
from lingen_live.train.evaluate import Score
from lingen_live.train.motion import Flicker, PanResult
from lingen_live.train.quality import PRECIPITATION, Quality
from lingen_live.train.report import format_share
from lingen_live.train.steering import AFTER_S, SHOWN_AT_S, WITHIN_S, Steered, SteeringResult, wanted_of

Json = dict[str, object]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def number(value: float, digits: int, unit: str = "") -> str:
    """A number for people; a NaN was not measured."""
    return "not measured" if math.isnan(value) else f"{value:.{digits}f}{unit}"


def plain(value: float) -> float | None:
    """A number for JSON, which knows no NaN."""
    return None if math.isnan(value) else value


def score_json(score: Score) -> Json:
    """Counts."""
    return {"right": score.n_right, "judged": score.n_judged}


def codec_section(by_weather: Mapping[str, Quality], dry: Quality) -> str:
    """What the codec keeps."""
    rows = {**by_weather, f"without {' and '.join(PRECIPITATION)}": dry}
    cells = [(name, number(q.psnr_db, 1, " dB"), number(q.ssim, 3)) for name, q in rows.items()]
    intro = "Reconstructions of held-out renders; SSIM of luma (Wang et al. 2004)."
    return f"## Codec\n\n{intro}\n\n" + table(("weather", "PSNR", "SSIM"), cells)


def codec_json(by_weather: Mapping[str, Quality], dry: Quality) -> Json:
    """The same as plain data."""

    def numbers(q: Quality) -> Json:
        return {"psnr_db": plain(q.psnr_db), "ssim": plain(q.ssim)}

    return {"by_weather": {name: numbers(q) for name, q in by_weather.items()}, "without_precipitation": numbers(dry)}


def steering_section(results: Mapping[str, SteeringResult], shown: Sequence[Steered]) -> str:
    """What was reached and kept, and the changes of the picture in its order."""
    first = next(iter(results.values()))
    rows = [
        [f"all asked, within {WITHIN_S:g} s", *(format_share(r.within) for r in results.values())],
        [f"all asked, within {AFTER_S:g} s", *(format_share(r.reached) for r in results.values())],
        ["median time to reach", *(number(r.median_s, 1, " s") for r in results.values())],
        ["untouched and still right", *(format_share(r.kept) for r in results.values())],
        *(
            [f"{name} asked, within {WITHIN_S:g} s", *(format_share(r.by_attribute[name]) for r in results.values())]
            for name in first.by_attribute
        ),
    ]
    moments = ", ".join(f"{at_s:g} s" for at_s in SHOWN_AT_S)
    intro = (
        f"{first.within.n_judged} changes of one or two attributes, blended over the live server's default. "
        "A change is reached at the end of the first chunk that shows all that was asked, as does the next."
    )
    return "\n\n".join(
        (
            f"## Steering\n\n{intro}",
            table(("measure", *results), rows),
            f"![before the change, then {moments} after it](steering.png)",
            table(("row", "before", "then", "asked"), steering_rows(shown)),
        )
    )


def steering_rows(shown: Sequence[Steered]) -> list[list[str]]:
    """The changes of the picture in its order: row, words before, words then, and what they ask for."""
    return [
        [str(row), one.change.first.text, one.change.order.text, _wishes(one)] for row, one in enumerate(shown, start=1)
    ]


def _wishes(one: Steered) -> str:
    return ", ".join(f"{name}: {word}" for name, word in wanted_of(one.change).items())


def steering_json(results: Mapping[str, SteeringResult]) -> Json:
    """The same as plain data."""
    return {
        name: {
            "within_s": WITHIN_S,
            "within": score_json(r.within),
            "reached": score_json(r.reached),
            "median_s": plain(r.median_s),
            "kept": score_json(r.kept),
            "by_attribute": {key: score_json(score) for key, score in r.by_attribute.items()},
        }
        for name, r in results.items()
    }


def motion_section(pans: Mapping[str, Sequence[PanResult]], seams: Mapping[str, Flicker]) -> str:
    """Speeds by what was asked, and seams."""
    rows = [
        (
            _case(pan),
            name,
            f"{pan.asked:+.2f}",
            number(pan.measured, 3),
            number(pan.error, 3),
            number(100 * pan.wrong_direction, 0, " %"),
            f"{pan.n_chunks} of {pan.n_chunks + pan.n_blank}",
        )
        for name, results in pans.items()
        for pan in results
    ]
    header = ("pan", "of", "asked", "median", "mean error", "wrong direction", "chunks measured")
    edges = [(name, number(f.chunk_edges, 2), number(f.latent_edges, 2)) for name, f in seams.items()]
    return "\n\n".join(
        (
            "## Motion\n\nVelocity of the camera in screen heights a second, positive to the right.",
            table(header, rows),
            "Mean difference of neighbouring frames at a seam over that elsewhere; 1.00 is no seam.",
            table(("of", "chunk edges", "latent frame edges"), edges),
        )
    )


def _case(pan: PanResult) -> str:
    return pan.pan if pan.pan == "still" else f"{pan.pan}, {pan.speed}"


def pan_json(pans: Mapping[str, Sequence[PanResult]]) -> Json:
    """Speeds as plain data, screen heights a second."""
    return {
        name: {
            _case(pan): {
                "asked": pan.asked,
                "measured": plain(pan.measured),
                "error": plain(pan.error),
                "wrong_direction": plain(pan.wrong_direction),
                "chunks": pan.n_chunks,
                "blank_chunks": pan.n_blank,
            }
            for pan in results
        }
        for name, results in pans.items()
    }


def flicker_json(seams: Mapping[str, Flicker]) -> Json:
    """Seams as plain data."""
    return {
        name: {"chunk_edges": plain(f.chunk_edges), "latent_edges": plain(f.latent_edges)} for name, f in seams.items()
    }


def drift_section(results: Sequence[DriftResult], floor: DriftResult, n_streams: int) -> str:
    """Scores and distances by window."""
    names = list(floor.scores)
    rows = [
        [
            title,
            format_share(r.right),
            *(format_share(r.scores[name]) for name in names),
            number(r.distance, 1),
            ratio,
        ]
        for title, r, ratio in [
            *((f"ends at {r.end_s:g} s", r, number(r.ratio, 2)) for r in results),
            ("fresh renders", floor, ""),
        ]
    ]
    intro = (
        f"{n_streams} streams without a change of prompt, in windows of up to a minute. Distance: Frechet, in the "
        "probe's features, to renders of the same scenes; the ratio is to the first window."
    )
    header = ("window", "all attributes", *names, "distance", "ratio")
    picture = "![a row for every window, a column for every stream](drift.png)"
    return "\n\n".join((f"## Drift\n\n{intro}", table(header, rows), picture))


def drift_json(results: Sequence[DriftResult], floor: DriftResult) -> Json:
    """The same as plain data."""

    def numbers(r: DriftResult) -> Json:
        return {
            "end_s": r.end_s,
            "right": score_json(r.right),
            "scores": {name: score_json(score) for name, score in r.scores.items()},
            "distance": r.distance,
        }

    windows = [numbers(r) | {"ratio": plain(r.ratio)} for r in results]
    return {"windows": windows, "renders": numbers(floor)}
