// What a guest uses, from the differences of its counters.
import { createEffect, createSignal, onCleanup, onMount, type JSX } from "solid-js";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { get } from "../api/http";
import type { VmStats } from "../api/types";
import { language, t } from "../i18n";
import { percent, size } from "../i18n/units";
import { dark } from "./theme";

const STEP = 2000; // milliseconds between two looks
const KEEP = 300;

type Series = (number | null)[];

function Graph(props: { title: string; names: string[]; data: Series[]; format: (value: number) => string }): JSX.Element {
  let place!: HTMLDivElement;
  let plot: uPlot | undefined;
  const style = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const make = () => {
    plot?.destroy();
    const colours = [style("--busy"), style("--accent")];
    const clock = new Intl.DateTimeFormat(language(), { hour: "numeric", minute: "2-digit", second: "2-digit" });
    const axis = { stroke: style("--quiet"), grid: { stroke: style("--line"), width: 1 }, ticks: { show: false } };
    plot = new uPlot(
      {
        width: place.clientWidth,
        height: 150,
        legend: { show: false },
        cursor: { y: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, 0.01)] } },
        axes: [{ ...axis, space: 90, values: (_, times) => times.map((time) => clock.format(time * 1000)) }, { ...axis, size: 78, values: (_, values) => values.map((value) => props.format(value)) }],
        series: [{}, ...props.names.map((label, i) => ({ label, points: { show: false }, stroke: colours[i % 2], width: 1.6, fill: i === 0 ? `${colours[0]!.trim()}22` : undefined }))],
      },
      props.data as uPlot.AlignedData,
      place,
    );
  };
  onMount(() => {
    const sized = new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: 150 }));
    sized.observe(place);
    onCleanup(() => (sized.disconnect(), plot?.destroy()));
  });
  createEffect(() => (dark(), language(), make()));
  createEffect(() => plot?.setData(props.data as uPlot.AlignedData));
  const last = () => props.names.map((name, i) => `${name ? `${name} ` : ""}${props.format(props.data[i + 1]?.at(-1) ?? 0)}`).join(" · ");
  return (
    <section class="card">
      <header><h2>{props.title}</h2><span class="quiet small">{last()}</span></header>
      <div class="graph" ref={place} role="img" aria-label={`${props.title}: ${last()}`} />
    </section>
  );
}

export function Graphs(props: { vm: number }): JSX.Element {
  const [samples, setSamples] = createSignal<VmStats[]>([]);
  const look = async () => {
    if (document.hidden) return;
    const sample = await get<VmStats>(`/vms/${props.vm}/stats`).catch(() => undefined);
    if (sample) setSamples((all) => [...all.slice(1 - KEEP), sample]);
  };
  void look();
  const timer = setInterval(() => void look(), STEP);
  onCleanup(() => clearInterval(timer));
  const times = () => samples().slice(1).map((sample) => sample.at_us / 1e6);
  const total = (map: Record<string, Record<string, number | null | undefined>> | undefined, name: string) =>
    Object.values(map ?? {}).reduce<number | null>((sum, one) => (one[name] === null || one[name] === undefined ? sum : (sum ?? 0) + one[name]), null);
  const rate = (read: (sample: VmStats) => number | null): Series =>
    samples().slice(1).map((sample, i) => {
      const before = samples()[i]!;
      const [a, b] = [read(before), read(sample)];
      return a === null || b === null ? null : Math.max(0, (b - a) / ((sample.at_us - before.at_us) / 1e6));
    });
  type Counters = Record<string, Record<string, number | null | undefined>>;
  const disks = (name: string) => rate((sample) => total(sample.disks as unknown as Counters, name));
  const nics = (name: string) => rate((sample) => total(sample.nics as unknown as Counters, name));
  const perSecond = (value: number) => `${size(value)}/s`;
  return (
    <div class="columns">
      <Graph title={t("graph_cpu")} names={[""]} data={[times(), rate((sample) => (sample.cpu.usec ?? 0) / 1e6 / sample.cpu.vcpus)]} format={(value) => percent(value, value < 0.1 ? 1 : 0)} />
      <Graph title={t("graph_memory")} names={[""]} data={[times(), samples().slice(1).map((sample) => sample.memory.used ?? null)]} format={size} />
      <Graph title={t("graph_disk")} names={[t("read"), t("written")]} data={[times(), disks("read_bytes"), disks("write_bytes")]} format={perSecond} />
      <Graph title={t("graph_network")} names={[t("received"), t("sent")]} data={[times(), nics("rx_bytes"), nics("tx_bytes")]} format={perSecond} />
    </div>
  );
}
