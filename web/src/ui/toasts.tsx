// What became of what was asked for: one note for each task that was begun here, and for what failed at once.
import { A } from "@solidjs/router";
import { createSignal, For, onCleanup, Show, type Accessor, type JSX } from "solid-js";
import { ApiError, get } from "../api/http";
import { live, onTask } from "../api/live";
import type { Task } from "../api/types";
import { t } from "../i18n";
import { errorText } from "./errors";
import { Icon } from "./icons";
import { objectPlace } from "./object";
import { Meter } from "./state";

interface Toast {
  id: number;
  kind: "busy" | "good" | "bad";
  title: string;
  text?: string;
  hint?: string; // what to do next
  place?: string; // of what it was about
  task?: number;
  done?: Accessor<number>; // of so many
  total?: number;
}

const [toasts, setToasts] = createSignal<Toast[]>([]);
let last = 0;
const MOST = 5;

function show(toast: Omit<Toast, "id">): number {
  const id = ++last;
  setToasts((all) => [...all.slice(-(MOST - 1)), { ...toast, id }]);
  if (toast.kind === "good") setTimeout(() => hide(id), 6000);
  return id;
}

function hide(id: number): void {
  setToasts((all) => all.filter((toast) => toast.id !== id));
}

export function tellDone(title: string): void {
  show({ kind: "good", title });
}

export function tellFailed(title: string, error: unknown): void {
  show({ kind: "bad", title, text: errorText(error), hint: error instanceof ApiError ? error.hint : undefined });
}

const over = (task: Task) => task.state === "done" || task.state === "failed" || task.state === "cancelled";

// The task, once it has ended.
export function ended(number: number): Promise<Task> {
  return new Promise<Task>((resolve) => {
    const stop = onTask((news) => {
      if (news.id === number && over(news)) {
        stop();
        resolve(news);
      }
    });
    // It may have ended before anybody listened.
    void get<Task>(`/tasks/${number}`).then((now) => {
      if (over(now)) {
        stop();
        resolve(now);
      }
    }, () => undefined);
  });
}

// Many at once are one note, which says how far they are; `work` is told to call `step` with the end of each.
export async function followAll<T>(title: string, total: number, work: (step: () => void) => Promise<T>): Promise<T> {
  const [done, setDone] = createSignal(0);
  const id = show({ kind: "busy", title, done, total });
  try {
    return await work(() => setDone((n) => n + 1));
  } finally {
    hide(id);
  }
}

// Shows a task until it has ended, and answers it then.
export async function follow(number: number, title: string): Promise<Task> {
  const id = show({ kind: "busy", title, task: number });
  const task = await ended(number);
  hide(id);
  if (task.state === "done") show({ kind: "good", title: t("toast_done", { title }), task: number, place: objectPlace(task.object) });
  else show({ kind: "bad", title: t(task.state === "failed" ? "toast_failed" : "toast_cancelled", { title }), text: task.error?.message, hint: task.error?.hint ?? undefined, task: number });
  return task;
}

export function Toasts(): JSX.Element {
  const leave = (event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.isComposing) setToasts((all) => all.filter((toast) => toast.kind === "busy"));
  };
  document.addEventListener("keydown", leave);
  onCleanup(() => {
    document.removeEventListener("keydown", leave);
    setToasts([]); // the next who signs in has nothing to do with them
  });
  return (
    <div class="toasts" role="status" aria-live="polite">
      <For each={toasts()}>
        {(toast) => (
          <div class={`toast ${toast.kind}`}>
            <header>
              <strong>{toast.title}</strong>
              <button class="plain icon" aria-label={t("close")} onClick={() => hide(toast.id)}>
                <Icon name="close" />
              </button>
            </header>
            <Show when={toast.text}>
              <div class="small">{toast.text}</div>
            </Show>
            <Show when={toast.hint}><div class="small quiet">→ {toast.hint}</div></Show>
            <Show when={toast.place}>{(place) => <A class="small" href={place()}>{t("toast_show")}</A>}</Show>
            <Show when={toast.done}>
              {(done) => (
                <>
                  <Meter label={toast.title} part={done()() / toast.total!} />
                  <div class="small quiet">{t("used_of", { used: done()(), total: toast.total! })}</div>
                </>
              )}
            </Show>
            <Show when={toast.kind === "busy" && toast.task}>
              {(number) => {
                const task = () => live.task.get(number());
                return (
                  <>
                    <Meter label={toast.title} part={task()?.progress ? task()!.progress! / 1000 : undefined} />
                    <Show when={task()?.step}>
                      <div class="small quiet">{task()!.step}</div>
                    </Show>
                  </>
                );
              }}
            </Show>
            <Show when={toast.task && toast.kind !== "good"}>
              <A class="small" href={`/tasks/${toast.task}`}>{t("task_log")}</A>
            </Show>
          </div>
        )}
      </For>
    </div>
  );
}
