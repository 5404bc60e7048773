// style.cc — the style sheet of the page, light and dark, wide and narrow, on paper.
//
// Colours of series are told apart by who sees no red or green, have a contrast of at least 3:1 to
// the ground, and never carry a meaning alone: markers, dashes and the legend carry it too.
#include "tools/vcompound/report/charts.h"

namespace vc::tool {

std::string_view style_sheet() {
  return R"css(
:root { color-scheme: light dark;
  --ground:#f5f6f8; --card:#ffffff; --ink:#1b2129; --soft:#59636f; --line:#e3e6ea; --axis:#9aa4b0;
  --accent:#0b62b5; --code:#f0f2f5;
  --s0:#0b62b5; --s1:#c2500c; --s2:#0a7d5a; --s3:#8347b5; --s4:#96690a; --s5:#1380a8; --s6:#b02c77;
  --s7:#5b6570; --free:#e4e9ee; --uncommitted:#f3f5f7; }
@media (prefers-color-scheme: dark) { :root {
  --ground:#0f1318; --card:#171c23; --ink:#e5e9ee; --soft:#9aa6b2; --line:#29313a; --axis:#5d6976;
  --accent:#6bb3f8; --code:#10151b;
  --s0:#5aaefc; --s1:#ff9554; --s2:#43cf9f; --s3:#c39bfa; --s4:#e3b44c; --s5:#62c9ea; --s6:#fb86bd;
  --s7:#a5b0bc; --free:#29323c; --uncommitted:#1c232b; } }
* { box-sizing:border-box; }
body, svg {
  font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif; }
body { margin:0; background:var(--ground); color:var(--ink); line-height:1.55; }
main { max-width:940px; margin:0 auto; padding:28px 18px 56px; }
header { border-left:5px solid var(--accent); padding:2px 0 2px 18px; margin-bottom:22px; }
h1 { font-size:1.9rem; line-height:1.2; margin:0 0 6px; letter-spacing:-0.01em; }
header p { margin:0; color:var(--soft); font-size:1.06rem; max-width:64ch; }
h2 { font-size:1.3rem; margin:40px 0 8px; }
h3 { font-size:1.05rem; margin:0 0 8px; }
p { margin:10px 0; max-width:74ch; }
.facts { background:var(--card); border:1px solid var(--line); border-radius:10px;
  padding:14px 18px; margin:0 0 22px; }
.facts dl { display:grid; grid-template-columns:minmax(7rem,max-content) 1fr; gap:4px 18px; margin:0; }
dt { color:var(--soft); } dd { margin:0; overflow-wrap:anywhere; }
pre { margin:12px 0 0; padding:10px 12px; border-radius:7px; background:var(--code);
  white-space:pre-wrap; overflow-wrap:anywhere; font-size:0.86rem; }
code { font-family:ui-monospace,"Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace; }
.figures { display:grid; grid-template-columns:repeat(auto-fit,minmax(170px,1fr)); gap:14px;
  margin:18px 0; }
.figures div { background:var(--card); border:1px solid var(--line); border-radius:10px;
  padding:14px 16px; }
.figures b { display:block; font-size:1.85rem; line-height:1.15; font-weight:650;
  color:var(--accent); font-variant-numeric:tabular-nums; }
.figures span { display:block; margin-top:4px; }
.figures small { display:block; color:var(--soft); }
figure { background:var(--card); border:1px solid var(--line); border-radius:10px;
  margin:18px 0; padding:16px 18px; }
figcaption { color:var(--soft); font-size:0.92rem; margin-top:10px; max-width:86ch; }
figcaption b { color:var(--ink); font-weight:600; }
.plot, .scroll { overflow-x:auto; }
.plot > svg { display:block; width:100%; min-width:540px; height:auto; }
.legend { list-style:none; display:flex; flex-wrap:wrap; gap:4px 20px; margin:0 0 10px; padding:0;
  font-size:0.92rem; }
.legend li { display:flex; align-items:center; gap:7px; }
.legend svg { width:26px; height:12px; flex:none; }
table { border-collapse:collapse; width:100%; font-size:0.9rem; font-variant-numeric:tabular-nums; }
th, td { padding:6px 8px; text-align:left; white-space:nowrap; border-bottom:1px solid var(--line); }
th { color:var(--soft); font-weight:600; white-space:normal; min-width:4.5em; vertical-align:bottom;
  border-bottom:2px solid var(--line); }
tbody tr:last-child td { border-bottom:none; }
th.number, td.number { text-align:right; }
details { margin-top:10px; font-size:0.92rem; } summary { color:var(--soft); cursor:pointer; }
footer { color:var(--soft); font-size:0.86rem; margin-top:36px; }
svg text { fill:var(--ink); font-size:13px; }
svg .tick { fill:var(--soft); font-size:12.5px; font-variant-numeric:tabular-nums; }
svg .small { font-size:11px; }
svg .name { font-size:13px; font-weight:600; }
svg .figure { font-size:11.5px; }
svg .key { font-size:13px; }
svg .title { font-size:17px; font-weight:650; }
svg .card { fill:var(--card); }
svg .grid { stroke:var(--line); stroke-width:1; }
svg .axis { stroke:var(--axis); stroke-width:1; }
svg .event { stroke:var(--soft); stroke-width:1; stroke-dasharray:2 3; }
svg .event-name { fill:var(--soft); font-size:12px; }
.s0{--c:var(--s0)} .s1{--c:var(--s1)} .s2{--c:var(--s2)} .s3{--c:var(--s3)}
.s4{--c:var(--s4)} .s5{--c:var(--s5)} .s6{--c:var(--s6)} .s7{--c:var(--s7)}
svg .curve { stroke:var(--c); stroke-width:2.4; fill:none; stroke-linejoin:round;
  stroke-linecap:round; }
svg .thin { stroke-width:1.6; }
svg .dashed { stroke-dasharray:7 5; stroke-width:1.8; }
svg .dot { fill:var(--c); stroke:var(--card); stroke-width:1.3; }
svg .under { fill:var(--c); fill-opacity:0.13; stroke:none; }
svg .bar, svg .box { fill:var(--c); }
svg .box { stroke:var(--axis); stroke-width:0.6; }
.use-free{--u:var(--free)} .use-contiguous{--u:var(--s1)} .use-mapped{--u:var(--s0)}
.use-cached{--u:var(--s2)} .use-uncommitted{--u:var(--uncommitted)}
svg rect[class^="use"] { fill:var(--u); }
svg path[class^="use"] { fill:none; stroke:var(--u); stroke-width:9; }
@media (max-width:560px) { main { padding:18px 12px 40px; } h1 { font-size:1.5rem; }
  figure { padding:12px; } .facts dl { grid-template-columns:1fr; gap:0; } dd { margin-bottom:6px; } }
@media print { body { background:none; } figure, .figures div { break-inside:avoid; } }
)css";
}

}  // namespace vc::tool
