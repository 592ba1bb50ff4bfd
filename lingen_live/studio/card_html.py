"""A report as HTML: tables of shares with what their number leaves open, and its pictures. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from lingen_live.engine.info import EngineInfo
from lingen_live.studio import shares
from lingen_live.studio.figure_html import table_html
from lingen_live.studio.report import Picture, Report, ReportError

INTERVALS = "In brackets the counts, and where the true share lies with 95 % confidence (Wilson's interval)."
_LEGENDS = {
    "grid.png": ("Last frames, in the order of the table", ("row, column", "prompt", "judged otherwise")),
    "steering.png": ("Before each change, and after it", ("row", "before", "then", "asked")),
    "drift.png": ("A row for every window, a column for every stream", ()),
}


def model_html(info: EngineInfo) -> str:
    """What the loaded model says of itself."""
    rows = [
        ["name", info.name],
        ["weights", f"{info.weights}, checkpoint {info.checkpoint_digest[:16]}"],
        ["parameters, codec included", f"{info.n_parameters / 1e6:.1f} M"],
        ["picture", f"{info.width_px} x {info.height_px}, {info.fps:g} frames a second"],
        ["a chunk", f"{info.frames_per_chunk} frames, {info.n_steps} denoising steps"],
        ["computes", f"in {info.dtype} on {info.device}, {info.path}"],
        ["a stream remembers", f"{info.state_bytes / 2**20:.1f} MiB"],
    ]
    return table_html(["", "the loaded model"], rows, "Model")


def report_html(report: Report) -> str:
    """The whole report.

    Raises:
        ReportError: its numbers are none.
    """
    numbers = report.numbers
    sections: dict[str, Callable[[Any], str]] = {
        "plan": _plan,
        "scores": scores_html,
        "steering": _steering,
        "pan": _pans,
        "flicker": _seams,
        "codec": _codec,
        "drift": _drift,
    }
    try:
        parts = [section(numbers[name]) for name, section in sections.items() if name in numbers]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError("The report beside these weights cannot be read: a number is missing.") from error
    return "".join([*parts, *(picture_html(name, picture) for name, picture in report.pictures.items())])


def scores_html(columns: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    """Right answers by attribute, a column for each that was judged."""
    names = list(next(iter(columns.values())))
    rows = [[name, *(_share(scores[name]) for scores in columns.values())] for name in names]
    return table_html(["attribute", *columns], rows, f"Held-out captions obeyed. {INTERVALS}")


def picture_html(name: str, picture: Picture) -> str:
    """A picture with the table that says what is in it, folded away."""
    title, header = _LEGENDS.get(name, (name, ()))
    source = base64.b64encode(picture.png).decode("ascii")
    legend = ""
    if picture.legend:
        table = table_html(list(header), picture.legend, "")
        legend = f'<details class="study-words"><summary>What was asked</summary>{table}</details>'
    return (
        f'<figure class="study-figure"><img src="data:image/png;base64,{source}" alt="{escape(title)}">'
        f"<figcaption>{escape(title)}</figcaption></figure>{legend}"
    )


def _plan(plan: Mapping[str, Any]) -> str:
    told = f"{plan['n_captions']:d} held-out captions, judged after {plan['seconds']:g} s of video"
    changes = f"; {plan['n_changes']:d} changes of the prompt" if plan["n_changes"] else ""
    return f'<p class="study-note">{told}{changes}.</p>'


def _steering(sources: Mapping[str, Mapping[str, Any]]) -> str:
    first = next(iter(sources.values()))
    rows = [
        [f"all asked, within {first['within_s']:g} s", *(_share(one["within"]) for one in sources.values())],
        ["all asked, as long as was watched", *(_share(one["reached"]) for one in sources.values())],
        ["median time to reach", *(_number(one["median_s"], 1, " s") for one in sources.values())],
        ["untouched and still right", *(_share(one["kept"]) for one in sources.values())],
        *(
            [
                f"{name} asked, within {first['within_s']:g} s",
                *(_share(one["by_attribute"][name]) for one in sources.values()),
            ]
            for name in first["by_attribute"]
        ),
    ]
    return table_html(["measure", *sources], rows, f"Changes of the prompt. {INTERVALS}")


def _pans(sources: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    rows = [
        [
            f"{case}, {source}",
            f"{pan['asked']:+.2f}",
            _number(pan["measured"], 3),
            _number(pan["error"], 3),
            _number(None if pan["wrong_direction"] is None else 100 * pan["wrong_direction"], 0, " %"),
            f"{pan['chunks']} of {pan['chunks'] + pan['blank_chunks']}",
        ]
        for source, cases in sources.items()
        for case, pan in cases.items()
    ]
    header = ["pan, of", "asked", "median", "mean error", "wrong direction", "chunks measured"]
    return table_html(header, rows, "Velocity of the camera, screen heights a second, positive to the right")


def _seams(sources: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [[name, _number(each["chunk_edges"], 2), _number(each["latent_edges"], 2)] for name, each in sources.items()]
    return table_html(["of", "chunk edges", "latent frame edges"], rows, "Difference of neighbouring frames at seams")


def _codec(codec: Mapping[str, Any]) -> str:
    kinds = {**codec["by_weather"], "without rain and snowfall": codec["without_precipitation"]}
    rows = [[name, _number(each["psnr_db"], 1, " dB"), _number(each["ssim"], 3)] for name, each in kinds.items()]
    return table_html(["weather", "PSNR", "SSIM"], rows, "What the codec keeps of renders")


def _drift(drift: Mapping[str, Any]) -> str:
    rows = [
        [f"ends at {window['end_s']:g} s", _share(window["right"]), _number(window["distance"], 1)]
        for window in drift["windows"]
    ]
    rows.append(["fresh renders", _share(drift["renders"]["right"]), _number(drift["renders"]["distance"], 1)])
    return table_html(["window", "all attributes", "Frechet distance"], rows, f"Long streams. {INTERVALS}")


def _share(counts: Mapping[str, int]) -> str:
    return shares.told(counts["right"], counts["judged"])


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "not measured" if value is None else f"{value:.{digits}f}{unit}"


def quick_html(result: Mapping[str, Any]) -> str:
    """What a quick evaluation found."""
    picture = Picture(base64.b64decode(result["picture"]), result["legend"])
    n_captions = len(result["legend"])
    note = (
        f"{n_captions} captions, judged after {result['seconds']:g} s of video: a first look. So few say little; "
        "read the intervals. Captions are others than those of the report."
    )
    scores: Sequence[str] = [scores_html({"model, just now": result["scores"]}), picture_html("grid.png", picture)]
    return f'<p class="study-note">{escape(note)}</p>' + "".join(scores)
