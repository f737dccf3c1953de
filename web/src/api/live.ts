// What there is, kept up to date by one WebSocket: a snapshot, then numbered changes; after a break it goes on from the
// last number that it knows. Objects lie in plain maps; each kind has a signal that tells that something in it changed,
// at most once a frame, so that ten thousand changes are one redraw.
import { createSignal, type Accessor } from "solid-js";
import { expired, root, self, learnSelf } from "./http";
import type { Image, Mapping, Node, Role, Storage, Task, Token, User, VmRow } from "./types";

interface Kinds {
  vm: VmRow;
  task: Task;
  image: Image;
  storage: Storage;
  mapping: Mapping;
  node: Node;
  user: User;
  role: Role;
  token: Token;
}
export type Kind = keyof Kinds;

class Collection<T> {
  readonly map = new Map<string, T>();
  private readonly version: Accessor<number>;
  private readonly setVersion: (next: (n: number) => number) => void;
  private dirty = false;

  constructor() {
    const [version, setVersion] = createSignal(0);
    this.version = version;
    this.setVersion = setVersion;
  }

  // In an effect or in what a view shows: run again when anything in it changes.
  all(): T[] {
    this.version();
    return [...this.map.values()];
  }

  count(): number {
    this.version();
    return this.map.size;
  }

  get(key: string | number): T | undefined {
    this.version();
    return this.map.get(String(key));
  }

  put(key: string, value: T | null): void {
    if (value === null) this.map.delete(key);
    else this.map.set(key, value);
    this.touch();
  }

  keepOnly(keys: Set<string>): void {
    for (const key of this.map.keys()) if (!keys.has(key)) this.map.delete(key);
    this.touch();
  }

  private touch(): void {
    if (this.dirty) return;
    this.dirty = true;
    const tell = () => {
      this.dirty = false;
      this.setVersion((n) => n + 1);
    };
    // A page in the background gets no frames.
    if (document.hidden) setTimeout(tell, 100);
    else requestAnimationFrame(tell);
  }
}

export const live: { [K in Kind]: Collection<Kinds[K]> } = {
  vm: new Collection(),
  task: new Collection(),
  image: new Collection(),
  storage: new Collection(),
  mapping: new Collection(),
  node: new Collection(),
  user: new Collection(),
  role: new Collection(),
  token: new Collection(),
};

// Names of the mappings of a kind, for what can stand in a field.
export const mappingNames = (kind: Mapping["kind"]): string[] => live.mapping.all().filter((one) => one.kind === kind).map((one) => one.name);

type Connection = "connecting" | "live" | "lost";
const [connection, setConnection] = createSignal<Connection>("connecting");
const [ready, setReady] = createSignal(false); // the first snapshot is whole
export { connection, ready };

type TaskListener = (task: Task) => void;
const listeners = new Set<TaskListener>();
export function onTask(listener: TaskListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let socket: WebSocket | undefined;
let position: { epoch: string; seq: number } | undefined;
let seen: Set<string> | undefined; // of a snapshot that is being received: what it does not have is gone
let wait = 0;
let timer: number | undefined;

function take(path: string, value: unknown): void {
  const slash = path.indexOf("/");
  const kind = path.slice(0, slash) as Kind;
  const collection = live[kind] as Collection<unknown> | undefined;
  if (!collection) return;
  collection.put(path.slice(slash + 1), value);
  if (kind === "task" && value) for (const listener of listeners) listener(value as Task);
}

interface Message {
  snapshot?: { path: string; value: unknown }[];
  live?: { epoch: string; seq: number };
  reset?: string;
  seq?: number;
  path?: string;
  value?: unknown;
}

function receive(message: Message): void {
  if (message.snapshot) {
    seen ??= new Set();
    for (const { path, value } of message.snapshot) {
      seen.add(path);
      take(path, value);
    }
  } else if (message.live) {
    position = message.live;
    if (seen) {
      for (const kind of Object.keys(live) as Kind[]) {
        const keys = new Set<string>();
        for (const path of seen) if (path.startsWith(`${kind}/`)) keys.add(path.slice(kind.length + 1));
        live[kind].keepOnly(keys);
      }
      seen = undefined;
    }
    wait = 0;
    setReady(true);
    setConnection("live");
  } else if (message.reset) {
    position = undefined;
    seen = new Set();
    if (message.reset === "rights") void learnSelf().catch(() => undefined);
  } else if (message.path !== undefined && message.seq !== undefined) {
    if (position) position.seq = message.seq;
    take(message.path, message.value ?? null);
  }
}

export function connect(): void {
  clearTimeout(timer);
  if (socket || !self() || expired()) return;
  const query = position ? `?epoch=${encodeURIComponent(position.epoch)}&seq=${position.seq}` : "";
  const mine = new WebSocket(`wss://${location.host}${root}/events${query}`);
  socket = mine;
  if (!position) seen = new Set();
  mine.onmessage = (event) => receive(JSON.parse(event.data as string) as Message);
  mine.onclose = (event) => {
    if (socket !== mine) return;
    socket = undefined;
    if (!self()) return;
    setConnection("lost");
    if (event.code === 4401) void learnSelf().catch(() => undefined); // the session has ended: the page asks to sign in
    timer = window.setTimeout(connect, wait);
    wait = Math.min(wait * 2 || 250, 5000);
  };
}

export function disconnect(): void {
  clearTimeout(timer);
  const old = socket;
  socket = undefined;
  position = undefined;
  old?.close();
  for (const kind of Object.keys(live) as Kind[]) live[kind].keepOnly(new Set());
  setReady(false);
  setConnection("connecting");
}

// Somebody who comes back to the page does not wait for the next try.
addEventListener("online", connect);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) connect();
});
