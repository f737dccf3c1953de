// What a view reads from the API: once, and again when it may have changed. However much changes, one answer is waited for
// at a time, and there is a rest between two. What was read stays while there is nothing newer: nothing on the page goes
// away meanwhile, nor when the node does not answer for a moment; and what is the same stays the same object, so that a row
// of a list stays, with what is open in it.
import { createEffect, createMemo, createSignal, on, onCleanup, untrack, type Accessor } from "solid-js";
import { ApiError } from "./http";
import { connection } from "./live";
import { schema, type Field } from "./schema";

const REST = 2000; // milliseconds

export interface Reading<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
  again: () => void; // at once
}

interface Options {
  changes?: () => unknown; // reads what tells that there may be something newer
  rest?: number;
}

const itemsOf = (list: unknown): unknown[] => {
  const items = Array.isArray(list) ? list : (list as { items?: unknown } | undefined)?.items;
  return Array.isArray(items) ? items : [];
};

// A list whose items that are as they were are the objects that they were.
function steady<T>(before: unknown, after: T): T {
  const known = new Map(itemsOf(before).map((one) => [JSON.stringify(one), one]));
  if (!known.size || !itemsOf(after).length) return after;
  const items = itemsOf(after).map((one) => known.get(JSON.stringify(one)) ?? one);
  return (Array.isArray(after) ? items : { ...after, items }) as T;
}

// `of` says what is read, by a text such as its path; undefined: nothing for now.
export function reading<T>(of: Accessor<string | undefined>, read: (of: string) => Promise<T>, options: Options = {}): Reading<T> {
  const wanted = createMemo(of);
  const [value, setValue] = createSignal<T>();
  const [error, setError] = createSignal<unknown>();
  const [loading, setLoading] = createSignal(false);
  let number = 0; // of the newest request: an answer to an older one comes too late
  let shown: string | undefined; // what the value is of
  let began = 0;
  let stale = false; // something has changed since
  let timer: number | undefined;
  const begin = () => {
    clearTimeout(timer);
    timer = undefined;
    const what = untrack(wanted);
    const mine = ++number;
    stale = false;
    if (what === undefined) {
      shown = undefined;
      setValue(undefined);
      setError(undefined);
      setLoading(false);
      return;
    }
    began = Date.now();
    setLoading(true);
    read(what).then(
      (found) => {
        if (mine !== number) return;
        setValue(() => steady(untrack(value), found));
        setError(undefined);
        shown = what;
        end();
      },
      (cause: unknown) => {
        if (mine !== number) return;
        const passing = cause instanceof ApiError && (cause.status === 0 || cause.status >= 500 || cause.status === 429);
        if (!passing || shown !== what) {
          setValue(undefined);
          setError(cause);
          shown = undefined;
        }
        end();
      },
    );
  };
  const end = () => {
    setLoading(false);
    if (stale) later();
  };
  // A page that nobody sees waits until somebody does.
  const later = () => {
    if (untrack(loading)) stale = true;
    else timer ??= window.setTimeout(() => ((timer = undefined), document.hidden ? later() : begin()), Math.max(document.hidden ? REST : 0, began + (options.rest ?? REST) - Date.now()));
  };
  createEffect(on(wanted, begin));
  createEffect(on(() => (options.changes?.(), connection() === "live"), later, { defer: true }));
  onCleanup(() => {
    clearTimeout(timer);
    number = -1;
  });
  return {
    get value() {
      return value();
    },
    get error() {
      return error();
    },
    get loading() {
      return loading();
    },
    again: begin,
  };
}

// A table of fields, as soon as it is there.
export function tableOf(name: string): Accessor<Field | undefined> {
  const table = reading(() => name, schema);
  return () => table.value;
}
