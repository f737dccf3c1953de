// What was asked for and what became of it, with its log as it grows.
import { A, useParams } from "@solidjs/router";
import { createEffect, createMemo, createResource, createSignal, For, onCleanup, Show, type JSX } from "solid-js";
import { ask, get, root } from "../api/http";
import { live } from "../api/live";
import type { List, Task } from "../api/types";
import { t } from "../i18n";
import { ago, duration, size, when } from "../i18n/units";
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
  const [page] = createResource(
    () => ({ state: state(), after: after(), news: live.task.all().length }),
    ({ state: wanted, after: position }) => get<List<Task>>(`/tasks?limit=100${wanted ? `&state=${wanted}` : ""}${position ? `&after=${position}` : ""}`),
  );
  const rows = createMemo(() => (page.latest?.items ?? []).map((task) => live.task.get(task.id) ?? task));
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
      <section class="card scroll-x">
        <table class="table">
          <thead><tr><th class="number">{t("col_id")}</th><th>{t("task")}</th><th>{t("object")}</th><th>{t("state")}</th><th>{t("user")}</th><th>{t("begun")}</th></tr></thead>
          <tbody>
            <For each={rows()} fallback={<tr><td colspan="6" class="quiet">{page.loading ? t("loading") : t("no_tasks")}</td></tr>}>
              {(task) => (
                <tr>
                  <td class="number">{task.id}</td>
                  <td><A href={`/tasks/${task.id}`} title={task.kind}>{kindName(task.kind)}</A></td>
                  <td><Show when={objectPlace(task.object)} fallback={<bdi>{objectName(task.object)}</bdi>}>{(path) => <A class="ink" href={path()}><bdi>{objectName(task.object)}</bdi></A>}</Show></td>
                  <td><TaskStateText state={task.state} /><Show when={task.error}><div class="small quiet">{task.error!.message}</div></Show></td>
                  <td>{task.user}</td>
                  <td class="quiet nowrap" title={when(task.created)}>{ago(task.created, now())}</td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </section>
      <Pager at={after()} next={page.latest?.next} go={setAfter} />
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
  let log!: HTMLPreElement;
  createEffect(() => {
    const id = params.task;
    setTask(undefined);
    setLines([]);
    get<Task>(`/tasks/${encodeURIComponent(id)}`).then(setTask, setFailed);
    const socket = new WebSocket(`wss://${location.host}${root}/tasks/${encodeURIComponent(id)}/follow`);
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data as string) as { task?: Task; log?: LogLine };
      if (message.task) setTask(message.task);
      if (message.log) {
        const line = message.log;
        setLines((all) => [...all, line]);
        log?.scrollTo(0, log.scrollHeight);
      }
    };
    onCleanup(() => socket.close());
  });
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
              <pre class="log" ref={log} tabindex="0"><For each={lines()} fallback={t("log_empty")}>{(line) => <div><span class="quiet">{line.at.slice(11, 19)}</span> {line.text}</div>}</For></pre>
            </section>
          </>
        )}
      </Show>
    </>
  );
}
