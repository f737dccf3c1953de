// What the daemon has measured: the rings of the past, and samples as they are taken while somebody looks.
import { createSignal, onCleanup, type Accessor } from "solid-js";
import { get, root } from "./http";
import type { VmMeasurements } from "./types";

export const spans = ["hour", "day", "week", "month", "year"] as const;
export type Span = (typeof spans)[number];
export type Series = (number | null)[];

export type Measurements = Pick<VmMeasurements, "step_s" | "start_s"> & { series: Record<string, Series> };

// `of`: "/vms/100" or "/nodes/self".
export const readMeasurements = (of: string, span: Span): Promise<Measurements> => get<Measurements>(`${of}/measurements?span=${span}`);

export interface Live {
  times: number[]; // seconds
  series: Record<string, Series>;
}

export const LIVE_S = 600; // what is shown as "now"
const WAIT_MAX = 5000; // milliseconds

// The last ten minutes: first what the ring has of them, then what is measured from now on, until the view is left.
export function followMeasurements(of: string): Accessor<Live> {
  const [live, setLive] = createSignal<Live>({ times: [], series: {} });
  let socket: WebSocket | undefined;
  let timer: number | undefined;
  let wait = 500;
  const add = (at: number, values: Record<string, number | null>) =>
    setLive(({ times, series }) => {
      const from = times.findIndex((time) => time > at - LIVE_S);
      const first = from < 0 ? times.length : from;
      const next: Record<string, Series> = {};
      for (const name of new Set([...Object.keys(series), ...Object.keys(values)])) next[name] = [...(series[name] ?? times.map(() => null)).slice(first), values[name] ?? null];
      return { times: [...times.slice(first), at], series: next };
    });
  const open = () => {
    const mine = new WebSocket(`wss://${location.host}${root}${of}/measurements/follow`);
    socket = mine;
    mine.onmessage = (event) => {
      const { at_s, values } = JSON.parse(event.data as string) as { at_s: number; values: Record<string, number | null> };
      wait = 500;
      add(at_s, values);
    };
    mine.onclose = () => {
      if (socket !== mine) return;
      timer = window.setTimeout(open, wait);
      wait = Math.min(wait * 2, WAIT_MAX);
    };
  };
  void readMeasurements(of, "hour").then(
    ({ start_s, step_s, series }) => {
      const length = Object.values(series)[0]?.length ?? 0;
      const begin = Math.max(0, length - Math.ceil(LIVE_S / step_s));
      const times = Array.from({ length: length - begin }, (_, i) => start_s + (begin + i) * step_s);
      // What has been measured meanwhile comes after it.
      setLive((now) => {
        const old = times.filter((time) => time < (now.times[0] ?? Infinity));
        const joined: Record<string, Series> = {};
        for (const name of Object.keys(series)) joined[name] = [...series[name]!.slice(begin, begin + old.length), ...(now.series[name] ?? now.times.map(() => null))];
        return { times: [...old, ...now.times], series: joined };
      });
    },
    () => undefined,
  );
  open();
  onCleanup(() => {
    clearTimeout(timer);
    const old = socket;
    socket = undefined;
    old?.close();
  });
  return live;
}
