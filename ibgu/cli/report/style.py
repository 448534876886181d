"""Holds the style of a report, which is inline: the file opens without network, and prints."""

CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
html { font: 14px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; background: #f4f6f9; color: #131a24; }
body { max-width: 1080px; margin: 0 auto; padding: 24px; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.1rem; margin: 0 0 12px; }
h3 { font-size: 1rem; margin: 20px 0 8px; }
p { margin: 8px 0; }
section { background: #fff; border: 1px solid #d5dbe4; border-radius: 8px; padding: 16px 20px;
  margin: 16px 0; }
.quiet, dt, th { color: #515d6e; }
.scroll { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0;
  border-bottom: 1px solid #e7ebf1; overflow-wrap: break-word; }
th { font-weight: 600; font-size: 0.86rem; }
.short { white-space: nowrap; }
.long, dd, .failure p, li { overflow-wrap: anywhere; }
.compared { table-layout: fixed; }
.number { text-align: right; white-space: nowrap; padding: 5px 0 5px 14px; }
dl { display: grid; gap: 4px 24px;
  grid-template-columns: repeat(auto-fill, minmax(min(420px, 100%), 1fr));
  margin: 12px 0; }
dl div { display: flex; gap: 10px; }
dt { flex: 0 0 96px; }
dd { margin: 0; min-width: 0; }
.state { display: inline-block; border-radius: 4px; padding: 1px 8px; font-weight: 600;
  background: #e3ebfd; color: #123a8c; }
.state.good { background: #e3f4e8; color: #116b32; }
.state.bad { background: #fdecea; color: #b42318; }
.state.worry { background: #fff4de; color: #8a4b00; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 12px;
  margin: 4px 0 14px; }
.tile b { display: block; font-size: 1.5rem; line-height: 1.2; }
.tile span { color: #515d6e; }
.failure { border-left: 3px solid #c8271b; padding: 2px 0 2px 12px; margin: 12px 0; }
.failure p { margin: 3px 0; }
.remedy { color: #0f5c2b; }
code { font: 0.92em ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
svg { display: block; }
svg text { font-size: 11px; fill: #515d6e; }
.bar { width: 100%; height: 14px; border-radius: 4px; background: #e2e7ee; }
.chart { width: 100%; height: auto; margin: 8px 0; }
.histogram { width: 120px; height: 22px; }
.succeeded { fill: #6dbb86; }
.failed { fill: #c8271b; }
.skipped { fill: #9aa6b5; }
.cancelled { fill: #b9a7a0; }
.running { fill: #2b62e3; }
.waiting { fill: #e2e7ee; }
.took { fill: #6a8fd8; }
.grid { stroke: #e2e7ee; }
.flight { fill: none; stroke: #2b62e3; stroke-width: 1.5; }
.key span { margin-right: 16px; white-space: nowrap; color: #515d6e; }
.key i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px;
  background: #6dbb86; }
.key i.failed { background: #c8271b; }
.key i.flight { background: #2b62e3; height: 3px; vertical-align: middle; }
footer { color: #515d6e; font-size: 0.86rem; }
@page { margin: 14mm; }
@media print {
  html { background: #fff; font-size: 11px; }
  body { max-width: none; padding: 0; }
  section { border-color: #bbb; padding: 10px 12px; }
  dl { grid-template-columns: repeat(2, 1fr); }
  th, td { padding: 3px 8px 3px 0; }
  .number { padding: 3px 0 3px 8px; }
  .scroll { overflow: visible; }
  h2, h3 { break-after: avoid; }
  tr, .failure, svg, .tile { break-inside: avoid; }
  thead { display: table-header-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
