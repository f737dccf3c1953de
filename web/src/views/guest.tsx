// One guest: what it does, its consoles, its hardware, its past.
import { A, useNavigate, useParams } from "@solidjs/router";
import { createEffect, createMemo, createSignal, For, Match, on, Show, Suspense, Switch, type JSX } from "solid-js";
import { ApiError, get, may } from "../api/http";
import { live } from "../api/live";
import { reading, tableOf } from "../api/read";
import { fieldAt, mergeInto, mergePatch, nameAt, valueForPeople, withField, type Document } from "../api/schema";
import type { Commit, List, Task, Vm } from "../api/types";
import { either, t, type Key } from "../i18n";
import { problemText, reasonText } from "../i18n/api-words";
import { ago, size, when } from "../i18n/units";
import { act, actions, actionTitle, asksSomething, can } from "../ui/actions";
import { ChangeDialog, deletion, type Change } from "../ui/change";
import { now } from "../ui/clock";
import { ErrorBox } from "../ui/errors";
import { Form } from "../ui/form";
import { HistoryList } from "../ui/history-list";
import { Icon } from "../ui/icons";
import { later } from "../ui/later";
import { Menu } from "../ui/menu";
import { kindName } from "../ui/object";
import { ShutdownDialog } from "../ui/shutdown";
import { partName } from "../ui/parts";
import { TaskStateText, VmStateText } from "../ui/state";
import { vmPicks } from "../ui/vm-picks";

const Consoles = later(() => import("../console/consoles").then((m) => ({ default: m.Consoles })));
const Handed = later(() => import("./handed").then((m) => ({ default: m.Handed })));
const GuestGraphs = later(() => import("../ui/guest-graphs").then((m) => ({ default: m.GuestGraphs })));
const Frozen = later(() => import("../ui/frozen").then((m) => ({ default: m.Frozen })));
const Question = later(() => import("../ui/question").then((m) => ({ default: m.Question })));
const Permissions = later(() => import("../ui/permissions").then((m) => ({ default: m.Permissions })));
const GuestTools = later(() => import("./guest-tools").then((m) => ({ default: m.GuestTools })));
const tabs = ["summary", "console", "hardware", "tools", "history", "tasks", "permissions"] as const;

function Summary(props: { vm: Vm }): JSX.Element {
  return (
    <>
      <div class="columns">
        <section class="card">
          <header><h2>{t("state")}</h2></header>
          <dl class="facts">
            <dt>{t("state")}</dt><dd><VmStateText state={props.vm.status.state} /></dd>
            <dt>{t("col_reason")}</dt><dd>{reasonText(props.vm.status) || "–"}</dd>
            <dt>{t("col_since")}</dt><dd title={when(props.vm.status.since)}>{ago(props.vm.status.since, now())}</dd>
            <dt>{t("agent")}</dt><dd>{t(`agent_${props.vm.status.agent.state}` as Key)}{props.vm.status.agent.version ? ` ${props.vm.status.agent.version}` : ""}</dd>
            <dt>{t("addresses")}</dt>
            <dd><For each={props.vm.status.addresses} fallback="–">{(one) => <div class="mono">{one.address}</div>}</For></dd>
            <dt>{t("acceleration")}</dt><dd>{props.vm.status.acceleration.toUpperCase()}</dd>
            <Show when={props.vm.tags?.length}><dt>{t("col_tags")}</dt><dd class="line"><For each={props.vm.tags}>{(tag) => <A class="tag" href={`/guests?filter=tag:${encodeURIComponent(tag)}`}>{tag}</A>}</For></dd></Show>
          </dl>
          <Show when={props.vm.description}><p class="text" dir="auto">{props.vm.description}</p></Show>
        </section>
        <section class="card">
          <header><h2>{t("hardware")}</h2><span class="line"><Show when={props.vm.status.pending?.length}><A class="tag warn" href={`/guests/${props.vm.id}/hardware`}>{t("pending_mark")}</A></Show><A href={`/guests/${props.vm.id}/hardware`}>{t("edit")}</A></span></header>
          <dl class="facts">
            <dt>{t("col_cpus")}</dt><dd>{props.vm.cpu?.online ?? (props.vm.cpu?.sockets ?? 1) * (props.vm.cpu?.cores ?? 1) * (props.vm.cpu?.threads ?? 1)} · {props.vm.cpu?.model}</dd>
            <dt>{t("memory")}</dt>
            <dd>
              {size(props.vm.memory)}
              <Show when={props.vm.status.memory?.guest_used}>{(used) => <> · {t("memory_now", { used: size(used()) })}</>}</Show>
              <Show when={props.vm.status.memory?.taken_back}>{(taken) => <> · {t("memory_taken", { size: size(taken()) })}</>}</Show>
            </dd>
            <For each={Object.entries(props.vm.disks ?? {})}>{([key, disk]) => <><dt>{key}</dt><dd>{size(disk.size)} · {disk.bus} · {disk.storage}</dd></>}</For>
            <For each={Object.entries(props.vm.cdroms ?? {})}>{([key, drive]) => <><dt>{key}</dt><dd>{drive.image ?? t("drive_empty")}</dd></>}</For>
            <For each={Object.entries(props.vm.nics ?? {})}>{([key, nic]) => <><dt>{key}</dt><dd>{nic.model} · {nic.mode === "bridge" ? nic.bridge : nic.mode} · <span class="mono">{nic.mac}</span></dd></>}</For>
            <dt>{t("firmware")}</dt><dd>{[(props.vm.firmware ?? "bios").toUpperCase(), props.vm.secure_boot && t("secure_boot"), props.vm.tpm && "TPM 2.0", props.vm.machine].filter(Boolean).join(" · ")}<Show when={props.vm.status.firmware_setup}> · <strong>{t("setup_waits")}</strong></Show></dd>
            <For each={[...Object.entries(props.vm.usb ?? {}), ...Object.entries(props.vm.pci ?? {})]}>{([key, device]) => <><dt>{key}</dt><dd>{device.mapping ?? ("type" in device ? device.type : "–")}</dd></>}</For>
            <For each={Object.entries(props.vm.shares ?? {})}>{([key, share]) => <><dt>{key}</dt><dd>{t("share_of", { mapping: share.mapping, tag: share.tag ?? key })}</dd></>}</For>
          </dl>
        </section>
      </div>
      <Suspense><GuestGraphs vm={props.vm.id} /></Suspense>
    </>
  );
}

// The document as it can be edited: without what Yado itself sets and what only is.
function editable(vm: Vm): Document {
  const { status: _status, ...document } = structuredClone(vm) as unknown as Document & { status?: unknown };
  return document;
}

const reboot = actions.find((action) => action.name === "reboot")!;
const shutdown = actions.find((action) => action.name === "shutdown")!;

function Hardware(props: { vm: Vm; changed: () => void }): JSX.Element {
  const table = tableOf("vm");
  const base = createMemo(() => editable(props.vm), undefined, { equals: (a, b) => JSON.stringify(a) === JSON.stringify(b) });
  const [draft, setDraft] = createSignal<Document>(base());
  const [change, setChange] = createSignal<Change>();
  // What was typed stays when somebody else changes the guest meanwhile; what was applied is as the guest has it.
  let applied = false;
  createEffect(
    on(base, (next, before) => {
      const typed = before && !applied ? mergePatch(before, draft()) : undefined;
      setDraft(typed === undefined ? next : (mergeInto(next, typed) as Document));
      applied = false;
    }),
  );
  const patch = createMemo(() => mergePatch(base(), draft()) as Document | undefined);
  const set = (path: string[], value: unknown) => setDraft(withField(draft(), path, value));
  const plan = (event: Event) => {
    event.preventDefault();
    if (patch()) setChange({ title: t("change_of", { name: props.vm.name }), method: "PATCH", path: `/vms/${props.vm.id}`, body: patch(), command: "vm set", words: [props.vm.name], table: table() });
  };
  return (
    <Show when={table()}>
      {(fields) => (
        <>
          <Show when={(props.vm.status.pending ?? []).length}>
            <div class="box warn stack">
              <strong>{t("pending_title")}</strong>
              <ul class="plain-list">
                <For each={props.vm.status.pending as readonly { path: string; before?: unknown; after?: unknown }[]}>
                  {(one) => <li>{nameAt(fields(), one.path)}: {valueForPeople(fieldAt(fields(), one.path), one.before)} → <strong>{valueForPeople(fieldAt(fields(), one.path), one.after)}</strong></li>}
                </For>
              </ul>
              <Show when={can(reboot, props.vm.status)}><div><button onClick={() => void act(reboot, [props.vm])}>{actionTitle(reboot)}</button></div></Show>
            </div>
          </Show>
          <Show when={props.vm.status.no_effect?.length}>
            <div class="box warn stack">
              <strong>{t("no_effect_title")}</strong>
              <ul class="plain-list"><For each={props.vm.status.no_effect}>{(one) => <li>{either(one.why, one.why_ja)}</li>}</For></ul>
            </div>
          </Show>
          <form class="stack" onSubmit={plan}>
            <section class="card">
              <fieldset disabled={!may("vm.configure", `/vms/${props.vm.id}`)}>
                <Form
                  table={fields()}
                  value={draft()}
                  base={base()}
                  set={set}
                  creating={false}
                  hide={["status"]}
                  picks={vmPicks()}
                />
              </fieldset>
            </section>
            <div class="line at-foot">
              <button class="main-action" disabled={!patch()}>{t("show_plan")}</button>
              <button type="button" disabled={!patch()} onClick={() => setDraft(base())}>{t("undo")}</button>
            </div>
          </form>
          <Suspense><Handed vm={props.vm} changed={props.changed} /></Suspense>
          <Show when={change()}>{(what) => <ChangeDialog change={what()} close={() => setChange(undefined)} done={() => ((applied = true), props.changed())} />}</Show>
        </>
      )}
    </Show>
  );
}

function firmwareSetup(vm: Vm): Change {
  const cancel = vm.status.firmware_setup;
  return { title: `${t(cancel ? "setup_cancel" : "setup_once")}: ${vm.name}`, method: "POST", path: `/vms/${vm.id}/firmware-setup`, body: { cancel }, command: "vm firmware-setup", words: cancel ? [vm.name, "--cancel"] : [vm.name] };
}

// Each guest has a view of its own: no console, graph or form goes along to the next one.
export function Guest(): JSX.Element {
  const params = useParams<{ vm: string }>();
  return <Show when={params.vm} keyed>{(vm) => <OneGuest vm={vm} />}</Show>;
}

function OneGuest(props: { vm: string }): JSX.Element {
  const params = useParams<{ tab?: string }>();
  const navigate = useNavigate();
  const row = createMemo(() => live.vm.get(props.vm) ?? live.vm.all().find((one) => one.name === props.vm));
  const tab = () => (tabs as readonly string[]).includes(params.tab ?? "summary") ? (params.tab ?? "summary") : "summary";
  // Its row changes whenever the guest does; then it is read again.
  const table = tableOf("vm");
  const vm = reading(() => `/vms/${encodeURIComponent(row()?.id ?? props.vm)}`, (path) => get<Vm>(path), { changes: row, rest: 200 });
  const [change, setChange] = createSignal<Change>();
  const [shuttingDown, setShuttingDown] = createSignal(false);
  const gone = () => vm.error instanceof ApiError && vm.error.status === 404;
  const news = createMemo(() => live.task.all().filter((task) => task.object === `vm/${vm.value?.id}`).map((task) => `${task.id} ${task.state}`).join());
  const tasks = reading(() => (tab() === "tasks" && vm.value ? `/tasks?object=vm/${vm.value.id}&limit=50` : undefined), (path) => get<List<Task>>(path), { changes: news });
  const commits = reading(() => (tab() === "history" && vm.value ? `/history?prefix=vm/${vm.value.id}&limit=50` : undefined), (path) => get<List<Commit>>(path), { changes: () => vm.value });
  return (
    <Switch>
      <Match when={gone()}><div class="empty"><h1>{t("guest_gone")}</h1><A href="/guests">{t("guests")}</A></div></Match>
      <Match when={vm.error}><ErrorBox error={vm.error} /></Match>
      <Match when={vm.value}>
        {(found) => (
          <>
            <div class="heading">
              <h1><bdi>{found().name}</bdi> <span class="quiet light">{found().id}</span></h1>
              <VmStateText state={(row() ?? found().status).state} />
              <div class="actions">
                <For each={actions.filter((action) => !action.danger && can(action, row() ?? found().status))}>
                  {(action) => <button onClick={() => void act(action, [found()])}><Show when={action.icon}><Icon name={action.icon!} /></Show>{actionTitle(action)}</button>}
                </For>
                <Menu name={t("more_actions")} label={<Icon name="more" />} class="icon">
                  <For each={actions.filter((action) => action.danger)}>
                    {(action) => <button class="danger" disabled={!can(action, row() ?? found().status)} onClick={() => void act(action, [found()])}>{actionTitle(action)}</button>}
                  </For>
                  <button disabled={!can(shutdown, row() ?? found().status)} onClick={() => setShuttingDown(true)}>{t("shutdown_with")}</button>
                  <button disabled={!may("vm.power", `/vms/${found().id}`)} onClick={() => setChange(firmwareSetup(found()))}>{t(found().status.firmware_setup ? "setup_cancel" : "setup_once")}</button>
                  <button disabled={!may("vm.configure", `/vms/${found().id}`)} onClick={() => setChange({ title: t("upgrade_of", { name: found().name }), method: "POST", path: `/vms/${found().id}/upgrade-hardware`, body: {}, command: "vm upgrade-hardware", words: [found().name], table: table(), changes: true })}>{t("upgrade_hardware")}</button>
                  <hr />
                  <button class="danger" disabled={found().status.state !== "stopped" || !may("vm.delete", `/vms/${found().id}`)} onClick={() => setChange(deletion("vm", `/vms/${found().id}`, found().name))}>{t("delete")}</button>
                </Menu>
              </div>
            </div>
            <Show when={found().status.conflicts?.length}>
              <div class="box bad stack">
                <strong>{t("conflict_title")}</strong>
                <ul class="plain-list"><For each={found().status.conflicts}>{(one) => <li>{t("conflict_of", { path: nameAt(table(), one.path), value: one.value, vm: live.vm.get(one.vm)?.name ?? one.vm })}</li>}</For></ul>
                <Show when={found().status.state === "stopped" && may("vm.configure", `/vms/${found().id}`)}>
                  <div><button onClick={() => setChange({ title: t("renew_of", { name: found().name }), method: "POST", path: `/vms/${found().id}/renew-identity`, body: {}, command: "vm renew-identity", words: [found().name], table: table() })}>{t("renew_identity")}</button></div>
                </Show>
              </div>
            </Show>
            <Show when={found().status.broken?.length}>
              <div class="box bad stack">
                <strong>{t("broken_title")}</strong>
                <ul class="plain-list"><For each={found().status.broken}>{(one) => <li><strong>{partName(one.part)}</strong> – {t(`broken_${one.kind}` as Key)} <span class="small">(<bdi>{problemText(one.problem)}</bdi>)</span></li>}</For></ul>
                <Show when={can(reboot, found().status)}><div><button onClick={() => void act(reboot, [found()])}>{actionTitle(reboot)}</button></div></Show>
              </div>
            </Show>
            <Show when={found().status.agent.frozen_until}>{(until) => <Suspense><Frozen vm={found()} until={until()} /></Suspense>}</Show>
            <Show when={asksSomething(found().status)}><Suspense><Question vm={found()} /></Suspense></Show>
            <nav class="tabs" aria-label={found().name}>
              <For each={tabs.filter((name) => (name === "permissions" ? may("access.read") : name === "history" ? may("history.read") : name === "tools" ? may("vm.guest", `/vms/${found().id}`) : true))}>{(name) => <A href={`/guests/${found().id}/${name}`} class={tab() === name ? "active" : ""} activeClass="" inactiveClass="" aria-current={tab() === name ? "page" : undefined}>{t(`tab_${name}` as Key)}</A>}</For>
            </nav>
            <Switch>
              <Match when={tab() === "summary"}><Summary vm={found()} /></Match>
              <Match when={tab() === "console"}><Suspense fallback={<p class="quiet">{t("loading")}</p>}><Consoles vm={found()} /></Suspense></Match>
              <Match when={tab() === "hardware"}><Hardware vm={found()} changed={vm.again} /></Match>
              <Match when={tab() === "tools"}><Suspense><GuestTools vm={found()} /></Suspense></Match>
              <Match when={tab() === "permissions"}><Suspense><Permissions path={`/vms/${found().id}`} name={found().name} tags={found().tags} /></Suspense></Match>
              <Match when={tab() === "history"}><ErrorBox error={commits.error} /><HistoryList commits={commits.error ? [] : commits.value?.items} restored={vm.again} /></Match>
              <Match when={tab() === "tasks"}>
                <section class="card">
                  <ErrorBox error={tasks.error} />
                  <table class="table"><tbody>
                    <For each={tasks.value?.items.map((task) => live.task.get(task.id) ?? task)} fallback={<tr><td class="quiet">{tasks.loading ? t("loading") : t("no_tasks")}</td></tr>}>
                      {(task) => <tr><td><A href={`/tasks/${task.id}`}>{kindName(task.kind)}</A></td><td><TaskStateText state={task.state} /></td><td class="quiet">{task.user}</td><td class="quiet number">{ago(task.created, now())}</td></tr>}
                    </For>
                  </tbody></table>
                </section>
              </Match>
            </Switch>
            <Show when={change()}>{(what) => <ChangeDialog change={what()} close={() => setChange(undefined)} done={() => (what().method === "DELETE" ? navigate("/guests") : vm.again())} />}</Show>
            <Show when={shuttingDown()}>
              <ShutdownDialog table="shutdown-request" title={`${t("action_shutdown")}: ${found().name}`} text={t("shutdown_text")} path={`/vms/${found().id}/shutdown`} command="vm shutdown" word={found().name} close={() => setShuttingDown(false)} go={(body) => void act(shutdown, [found()], body)} />
            </Show>
          </>
        )}
      </Match>
      <Match when={true}><p class="quiet">{t("loading")}</p></Match>
    </Switch>
  );
}
