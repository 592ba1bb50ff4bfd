"""How tables and figures of the studio look; colours are those of the page's theme, dark and light."""

STUDY_STYLE = """
.study-figure { margin: 0.5rem 0 0; overflow-x: auto }
.study-figure svg { width: 100%; min-width: 560px; height: auto; color: var(--body-text-color) }
.study-download { display: inline-block; margin: 0 0.75rem 1rem 0; color: var(--link-text-color) }
.study-scroll { overflow-x: auto; margin: 0.5rem 0 1rem }
.study-table { border-collapse: collapse; color: var(--body-text-color); font-variant-numeric: tabular-nums }
.study-table caption { text-align: left; font-weight: 600; padding: 0.25rem 0 }
.study-table :is(th, td) { padding: 0.2rem 0.7rem; border-bottom: 1px solid var(--border-color-primary) }
.study-table :is(th, td) { text-align: right }
.study-table :is(th:first-child, .study-words td) { text-align: left; font-weight: 400 }
.study-table thead th { font-weight: 600 }
.study-note, .study-figure figcaption { color: var(--body-text-color-subdued); max-width: 70ch }
.study-figure img { max-width: 100% }
"""
