// What is used, over time: now, as it is measured, or of the past as the daemon has kept it.
import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show, type JSX } from "solid-js";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { followMeasurements, LIVE_S, readMeasurements, spans, type Live, type Series, type Span } from "../api/measurements";
import { reading } from "../api/read";
import { language, t } from "../i18n";
import { dateOf, monthOf, percent, size, timeOf } from "../i18n/units";
import { dark } from "./theme";

export interface GraphSpec {
  title: string;
  lines: { series: string; name: string }[];
  format: (value: number) => string;
  bytes?: boolean; // the axis has steps of 1,024
  top?: number; // the axis reaches at least so far
}

const HEIGHT = 150; // pixels; also in page.css
const perSecond = (value: number) => `${size(value)}/s`;
const byteSteps = Array.from({ length: 48 }, (_, i) => 2 ** i);

export const graphOf = {
  cpu: (): GraphSpec => ({ title: t("graph_cpu"), lines: [{ series: "cpu", name: "" }], format: (value) => percent(value, value < 0.1 ? 1 : 0), top: 0.05 }),
  memory: (): GraphSpec => ({ title: t("graph_memory"), lines: [{ series: "memory", name: "" }], format: size, bytes: true }),
  guestMemory: (): GraphSpec => ({ title: t("graph_memory"), lines: [{ series: "memory", name: t("memory_on_node") }, { series: "memory_guest", name: t("memory_in_guest") }], format: size, bytes: true }),
  load: (): GraphSpec => ({ title: t("graph_load"), lines: [{ series: "load", name: "" }], format: (value) => value.toFixed(2), top: 1 }),
  disks: (): GraphSpec => ({ title: t("graph_disk"), lines: [{ series: "disk_read", name: t("read") }, { series: "disk_write", name: t("written") }], format: perSecond, bytes: true, top: 1024 }),
  operations: (): GraphSpec => ({ title: t("graph_operations"), lines: [{ series: "disk_reads", name: t("read") }, { series: "disk_writes", name: t("written") }], format: (value) => `${Math.round(value)}/s`, top: 1 }),
  network: (): GraphSpec => ({ title: t("graph_network"), lines: [{ series: "net_receive", name: t("received") }, { series: "net_send", name: t("sent") }], format: perSecond, bytes: true, top: 1024 }),
};

// A time on the axis, in seconds.
function axisText(time: number, span: Span | "live"): string {
  if (span === "year") return monthOf(time * 1000);
  return span === "week" || span === "month" ? dateOf(time * 1000) : timeOf(time * 1000);
}

function Graph(props: { spec: GraphSpec; data: Live; span: Span | "live"; range: () => [number, number]; group: string }): JSX.Element {
  let place!: HTMLDivElement;
  let plot: uPlot | undefined;
  const [at, setAt] = createSignal<number | null>(null);
  const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const columns = createMemo((): uPlot.AlignedData => [props.data.times, ...props.spec.lines.map((line) => props.data.series[line.series] ?? props.data.times.map(() => null))]);
  const make = () => {
    plot?.destroy();
    const colours = [colour("--busy"), colour("--accent")];
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `12px ${colour("--font")}` };
    plot = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: props.group } },
        hooks: { setCursor: [(u) => setAt(u.cursor.idx ?? null)] },
        scales: { x: { range: () => props.range() }, y: { range: (_, __, max) => [0, Math.max((max ?? 0) * 1.1, props.spec.top ?? 0.01)] } },
        axes: [
          { ...axis, size: 26, space: 80, values: (_, values) => values.map((time) => axisText(time, props.span)) },
          { ...axis, size: 74, space: 30, incrs: props.spec.bytes ? byteSteps : undefined, values: (_, values) => values.map((value) => props.spec.format(value)) },
        ],
        series: [{}, ...props.spec.lines.map((line, i) => ({ label: line.name, points: { show: false }, stroke: colours[i % 2], width: 1.6, fill: i === 0 ? `${colours[0]}22` : undefined }))],
      },
      columns(),
      place,
    );
  };
  onMount(() => {
    const sized = new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT }));
    sized.observe(place);
    onCleanup(() => (sized.disconnect(), plot?.destroy()));
    createEffect(on([dark, language, () => props.span, () => props.spec.title], make));
    createEffect(on(columns, (data) => plot?.setData(data), { defer: true }));
  });
  // At the pointer, or the newest that is known.
  const value = (series: string) => {
    const values: Series = props.data.series[series] ?? [];
    const index = at();
    const found = index === null ? values.findLast((one) => one !== null) : values[index];
    return found === null || found === undefined ? "–" : props.spec.format(found);
  };
  const words = () => props.spec.lines.map((line) => `${line.name} ${value(line.series)}`.trim()).join(" · ");
  return (
    <section class="card">
      <header>
        <h2>{props.spec.title}</h2>
        <span class="quiet small line">
          <Show when={at() !== null && props.data.times[at()!]}>{(time) => <span>{timeOf(time() * 1000)}</span>}</Show>
          <For each={props.spec.lines}>{(line, i) => <span class={props.spec.lines.length > 1 ? `key key-${i()}` : ""}>{line.name} <strong>{value(line.series)}</strong></span>}</For>
        </span>
      </header>
      <div class="graph" ref={place} role="img" aria-label={`${props.spec.title}: ${words()}`} />
    </section>
  );
}

const lastMinutes = (): [number, number] => [Date.now() / 1000 - LIVE_S, Date.now() / 1000];

export function LiveGraphs(props: { of: string; graphs: GraphSpec[] }): JSX.Element {
  const live = followMeasurements(props.of);
  return <For each={props.graphs}>{(spec) => <Graph spec={spec} data={live()} span="live" range={lastMinutes} group={props.of} />}</For>;
}

function PastGraphs(props: { of: string; graphs: GraphSpec[]; span: Span }): JSX.Element {
  const past = reading(() => props.span, (span) => readMeasurements(props.of, span as Span));
  const data = (): Live => {
    const found = past.value;
    const length = found ? (Object.values(found.series)[0]?.length ?? 0) : 0;
    return { times: Array.from({ length }, (_, i) => found!.start_s + i * found!.step_s), series: found?.series ?? {} };
  };
  return <For each={props.graphs}>{(spec) => <Graph spec={spec} data={data()} span={props.span} range={() => (data().times.length ? [data().times[0]!, data().times.at(-1)!] : lastMinutes())} group={props.of} />}</For>;
}

export function Graphs(props: { of: string; graphs: GraphSpec[] }): JSX.Element {
  const choices = ["live", ...spans] as const;
  const kept = localStorage.getItem("span") as Span | "live" | null;
  const [span, setSpan] = createSignal<Span | "live">(kept && choices.includes(kept) ? kept : "live");
  const choose = (next: Span | "live") => (setSpan(next), localStorage.setItem("span", next));
  return (
    <>
      <div class="segments" role="radiogroup" aria-label={t("time_span")}>
        <For each={choices}>{(one) => <button role="radio" aria-checked={span() === one} onClick={() => choose(one)}>{t(`span_${one}`)}</button>}</For>
      </div>
      <div class="columns broad">
        <Show when={span() === "live"} fallback={<PastGraphs of={props.of} graphs={props.graphs} span={span() as Span} />}>
          <LiveGraphs of={props.of} graphs={props.graphs} />
        </Show>
      </div>
    </>
  );
}
