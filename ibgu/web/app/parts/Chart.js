/** uPlot in a box that may change its width; made again when its shape or the colours change. */
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { html } from "../html.js";
import { useColours } from "../theme.js";

const HEIGHT = 230;

/**
 * @param {{ options: () => object, data: any[], label: string, shape: string }} props
 *   shape: another one needs other options
 */
export function Chart({ options, data, label, shape }) {
  const box = useRef(null);
  const plot = useRef(null);
  const turn = useColours();
  useEffect(() => {
    const size = { width: box.current.clientWidth, height: HEIGHT };
    plot.current = new uPlot({ ...options(), ...size }, data, box.current);
    const observer = new ResizeObserver(([entry]) =>
      plot.current.setSize({ width: Math.floor(entry.contentRect.width), height: HEIGHT }),
    );
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      plot.current.destroy();
    };
  }, [shape, turn]);
  useEffect(() => {
    plot.current.setData(data);
    if (plot.current.cursor.idx == null) plot.current.setLegend({ idx: null });
  }, [data]);
  return html`<div class="chart" ref=${box} role="img" aria-label=${label} />`;
}
