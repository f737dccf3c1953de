// What was asked for and what became of it, with its log as it grows.
import { A, useParams } from "@solidjs/router";
import { createEffect, createMemo, createSignal, For, on, onCleanup, Show, type JSX } from "solid-js";
import { ApiError, ask, get, root } from "../api/http";
import { live } from "../api/live";
import { reading } from "../api/read";
import type { List, Task } from "../api/types";
import { t } from "../i18n";
import { ago, clockTime, duration, size, when } from "../i18n/units";
import { now } from "../ui/clock";
import { ErrorBox } from "../ui/errors";
import { kindName, objectName, objectPlace, taskTitle } from "../ui/object";
import { Pager } from "../ui/pager";
import { Meter, TaskStateText } from "../ui/state";
import { tellFailed } from "../ui/toasts";

const isOver = (task: Task) => task.state !== "queued" && task.state !== "running";

export function Tasks(): JSX.Element {
  const [state, setState] = createSignal("");
  const [after, setAfter] = createSignal<string>();
  const page = reading(
    () => `/tasks?limit=100${state() ? `&state=${state()}` : ""}${after() ? `&after=${after()}` : ""}`,
    (path) => get<List<Task>>(path),
    { changes: () => live.task.count() },
  );
  const rows = createMemo(() => (page.value?.items ?? []).map((task) => live.task.get(task.id) ?? task));
  return (
    <>
      <div class="heading">
        <h1>{t("tasks")}</h1>
        <label><span class="hidden-text">{t("state")}</span>
          <select value={state()} onChange={(event) => (setAfter(undefined), setState(event.currentTarget.value))}>
            <option value="">{t("all")}</option>
            <For each={["running", "queued", "done", "failed", "cancelled"] as const}>{(one) => <option value={one}>{t(`task_${one}`)}</option>}</For>
          </select>
        </label>
      </div>
      <ErrorBox error={page.error} />
      <section class="card scroll-x">
        <table class="table">
          <thead><tr><th class="number">{t("col_id")}</th><th>{t("task")}</th><th>{t("object")}</th><th>{t("state")}</th><th>{t("user")}</th><th>{t("begun")}</th></tr></thead>
          <tbody>
            <For each={rows()} fallback={<tr><td colspan="6" class="quiet">{page.loading ? t("loading") : t("no_tasks")}</td></tr>}>
              {(task) => (
                <tr>
                  <td class="number">{task.id}</td>
                  <td><A href={`/tasks/${task.id}`} title={task.kind}>{kindName(task.kind)}</A></td>
                  <td class="nowrap"><Show when={objectPlace(task.object)} fallback={<bdi>{objectName(task.object)}</bdi>}>{(path) => <A class="ink" href={path()}><bdi>{objectName(task.object)}</bdi></A>}</Show></td>
                  <td><TaskStateText state={task.state} /><Show when={task.error}><div class="small quiet">{task.error!.message}</div></Show></td>
                  <td>{task.user}</td>
                  <td class="quiet nowrap" title={when(task.created)}>{ago(task.created, now())}</td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </section>
      <Pager at={after()} next={page.value?.next} go={setAfter} />
    </>
  );
}

interface LogLine {
  at: string;
  text: string;
}

export function TaskView(): JSX.Element {
  const params = useParams<{ task: string }>();
  const [task, setTask] = createSignal<Task>();
  const [lines, setLines] = createSignal<LogLine[]>([]);
  const [failed, setFailed] = createSignal<unknown>();
  let place: HTMLPreElement | undefined;
  createEffect(
    on(
      () => params.task,
      (id) => {
        let left = false;
        let socket: WebSocket | undefined;
        let timer: number | undefined;
        let frame = 0;
        let log: LogLine[] = []; // as it arrives; shown once a frame
        setTask(undefined);
        setLines([]);
        setFailed(undefined);
        const show = () => {
          frame = 0;
          const atEnd = !place || place.scrollHeight - place.scrollTop - place.clientHeight < 40;
          setLines([...log]);
          if (atEnd) place?.scrollTo(0, place.scrollHeight); // who reads further up is left there
        };
        // The stream begins with the task and the whole log, also after a break.
        const follow = () => {
          log = [];
          socket = new WebSocket(`wss://${location.host}${root}/tasks/${encodeURIComponent(id)}/follow`);
          socket.onmessage = (event) => {
            const message = JSON.parse(event.data as string) as { task?: Task; log?: LogLine };
            if (message.task) setTask(message.task);
            if (message.log) log.push(message.log);
            frame ||= requestAnimationFrame(show);
          };
          socket.onclose = () => {
            const known = task();
            if (!left && !(known && isOver(known))) timer = window.setTimeout(begin, 1000);
          };
        };
        // What the stream does not say: that there is no such task.
        const begin = () =>
          void get<Task>(`/tasks/${encodeURIComponent(id)}`).then(
            (found) => {
              if (left) return;
              setTask(found);
              follow();
            },
            (error: unknown) => {
              if (left) return;
              if (error instanceof ApiError && error.code === "unreachable") timer = window.setTimeout(begin, 1000);
              else setFailed(error);
            },
          );
        begin();
        onCleanup(() => {
          left = true;
          clearTimeout(timer);
          cancelAnimationFrame(frame);
          socket?.close();
        });
      },
    ),
  );
  const cancel = () => void ask("POST", `/tasks/${params.task}/cancel`).catch((error: unknown) => tellFailed(t("cancel"), error));
  return (
    <>
      <ErrorBox error={failed()} />
      <Show when={task()}>
        {(found) => (
          <>
            <div class="heading">
              <h1><bdi>{taskTitle(found())}</bdi></h1>
              <TaskStateText state={found().state} />
              <div class="actions"><Show when={!isOver(found())}><button disabled={!!found().cancelling} onClick={cancel}>{found().cancelling ? t("cancelling") : t("cancel_task")}</button></Show></div>
            </div>
            <section class="card">
              <Show when={!isOver(found())}><Meter label={taskTitle(found())} part={found().progress ? found().progress / 1000 : undefined} /></Show>
              <dl class="facts">
                <dt>{t("col_id")}</dt><dd>{found().id} <code class="quiet">{found().kind} {found().object}</code></dd>
                <dt>{t("user")}</dt><dd>{found().user}</dd>
                <dt>{t("begun")}</dt><dd>{when(found().started ?? found().created)}</dd>
                <dt>{t("ended")}</dt><dd>{when(found().ended)}</dd>
                <Show when={found().total}>{(total) => <><dt>{t("progress")}</dt><dd>{found().unit === "B" ? `${size(found().done)} / ${size(total())}` : `${found().done ?? 0} / ${total()} ${found().unit ?? ""}`}<Show when={!isOver(found()) && found().eta_s}>{(left) => <span class="quiet"> · {t("time_left", { time: duration(left()) })}</span>}</Show></dd></>}</Show>
                <Show when={found().step}><dt>{t("step")}</dt><dd>{found().step}</dd></Show>
              </dl>
              <Show when={found().error}>{(error) => <div class="box bad"><div>{error().message}</div><Show when={error().hint}><div class="small">{error().hint}</div></Show></div>}</Show>
            </section>
            <section class="card">
              <header><h2>{t("task_log")}</h2></header>
              <pre class="log" ref={place} tabindex="0"><For each={lines()} fallback={t("log_empty")}>{(line) => <div><span class="quiet">{clockTime(line.at)}</span> {line.text}</div>}</For></pre>
            </section>
          </>
        )}
      </Show>
    </>
  );
}
