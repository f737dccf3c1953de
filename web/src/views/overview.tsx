// How the node is, and what needs somebody.
import { A } from "@solidjs/router";
import { createMemo, For, Show, Suspense, type JSX } from "solid-js";
import { get, may } from "../api/http";
import { live, ready } from "../api/live";
import { reading } from "../api/read";
import type { List, Node, Storage, VmState } from "../api/types";
import { t, type Key } from "../i18n";
import { reasonText } from "../i18n/api-words";
import { ago, count, duration, percent, size } from "../i18n/units";
import { asksSomething } from "../ui/actions";
import { now } from "../ui/clock";
import { later } from "../ui/later";
import { taskTitle } from "../ui/object";
import { partName } from "../ui/parts";
import { isFull } from "../ui/space";
import { Meter, stateLook, TaskStateText } from "../ui/state";

const NodeGraphs = later(() => import("../ui/node-graphs").then((m) => ({ default: m.NodeGraphs })));

interface Attention {
  level: "bad" | "warn";
  text: string;
  path: string;
}

const DAY = 86400_000; // milliseconds
const SHOWN = 8;

function Tile(props: { title: string; path: string; figure: JSX.Element; children?: JSX.Element }): JSX.Element {
  return (
    <A class="card tile" href={props.path}>
      <span class="quiet">{props.title}</span>
      <span class="figure">{props.figure}</span>
      {props.children}
    </A>
  );
}

// From nothing to the first guest.
function FirstSteps(): JSX.Element {
  return (
    <section class="card">
      <h2>{t("first_steps")}</h2>
      <ol class="steps">
        <li class={live.image.count() ? "over" : ""}>
          <strong>{t("first_image")}</strong>
          <span class="quiet">{t("first_image_text")}</span>
          <span class="line"><A class={`button ${live.image.count() ? "" : "main-action"}`} href="/images?do=build">{t("build_image")}</A><A class="button" href="/images">{t("upload_file")}</A></span>
        </li>
        <li>
          <strong>{t("first_guest")}</strong>
          <span class="quiet">{t("first_guest_text")}</span>
          <span class="line"><A class={`button ${live.image.count() ? "main-action" : ""}`} href="/guests/new">{t("create_guest")}</A></span>
        </li>
      </ol>
    </section>
  );
}

export function Overview(): JSX.Element {
  // Read again when guests or storages have changed: what is measured is in no event.
  const running = createMemo(() => live.vm.all().filter((vm) => vm.state === "running").length);
  const changes = () => (live.node.count(), live.storage.count(), live.vm.count());
  const nodes = reading(() => (may("node.read", "/nodes") ? "/nodes" : undefined), (path) => get<List<Node>>(path), { changes });
  const storages = reading(() => (may("storage.read", "/storages") ? "/storages" : undefined), (path) => get<List<Storage>>(path), { changes });
  const node = () => nodes.value?.items[0];
  const allStorages = () => storages.value?.items ?? [];
  const states = createMemo(() => {
    const counts = new Map<VmState, number>();
    for (const vm of live.vm.all()) counts.set(vm.state, (counts.get(vm.state) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  });
  const tasks = createMemo(() => live.task.all().sort((a, b) => b.id - a.id).slice(0, SHOWN));
  const attention = createMemo((): Attention[] => {
    const found: Attention[] = [];
    for (const vm of live.vm.all()) {
      if (vm.state === "panicked" || vm.state === "unknown") found.push({ level: "bad", text: `${vm.name}: ${reasonText(vm)}`, path: `/guests/${vm.id}` });
      else if (asksSomething(vm)) found.push({ level: "bad", text: `${vm.name}: ${reasonText(vm)}`, path: `/guests/${vm.id}` });
      else if (vm.broken?.length) found.push({ level: "bad", text: t("attention_broken", { name: vm.name, parts: vm.broken.map(partName).join(", ") }), path: `/guests/${vm.id}` });
      else if (vm.conflict) found.push({ level: "bad", text: t("attention_conflict", { name: vm.name }), path: `/guests/${vm.id}` });
      else if (vm.pending) found.push({ level: "warn", text: t("attention_pending", { name: vm.name }), path: `/guests/${vm.id}/hardware` });
    }
    for (const storage of allStorages()) {
      if (!storage.usable) found.push({ level: "bad", text: t("attention_unusable", { name: storage.name }), path: `/storages/${storage.name}` });
      else if (isFull(storage)) found.push({ level: "warn", text: t("attention_full", { name: storage.name, free: size(storage.space!.free) }), path: `/storages/${storage.name}` });
    }
    for (const task of live.task.all())
      if (task.state === "failed" && now() - Date.parse(task.created) < DAY) found.push({ level: "warn", text: `${taskTitle(task)} – ${task.error?.message ?? ""}`, path: `/tasks/${task.id}` });
    return found.sort((a, b) => a.level.localeCompare(b.level));
  });
  const space = () => allStorages().reduce((sum, one) => ({ free: sum.free + (one.space?.free ?? 0), total: sum.total + (one.space?.total ?? 0) }), { free: 0, total: 0 });
  const memory = () => (node() ? 1 - node()!.memory_free / node()!.memory : 0);
  return (
    <>
      <div class="heading"><h1>{t("overview")}</h1><Show when={node()}>{(found) => <span class="quiet">{found().name} · Yado {found().version} · {t("up_for", { time: duration(found().uptime) })}</span>}</Show></div>
      <div class="tiles">
        <Tile title={t("running_guests")} path="/guests" figure={<>{count(running())} <span class="quiet light">/ {count(live.vm.count())}</span></>}>
          <span class="line small wide-line"><For each={states()}>{([state, number]) => <span class={`state ${stateLook(state)}`}>{count(number)} {t(`state_${state}` as Key)}</span>}</For></span>
        </Tile>
        {/* The tiles are there before their figures, so that nothing jumps. */}
        <Show when={may("node.read", "/nodes")}>
          <Tile title={t("memory")} path="/node" figure={node() ? percent(memory()) : "–"}>
            <Meter label={t("memory")} part={memory()} level={memory() > 0.9 ? "bad" : undefined} />
            <span class="quiet small">{node() ? t("used_of", { used: size(node()!.memory - node()!.memory_free), total: size(node()!.memory) }) : "–"}</span>
          </Tile>
          <Tile title={t("cpus")} path="/node" figure={node() ? count(node()!.cpus) : "–"}>
            <Show when={node()} fallback={<span class="small">–</span>}>{(found) => <span class={`state ${found().acceleration === "kvm" ? "good" : "warn"} small`}>{t(found().acceleration === "kvm" ? "accel_kvm" : "accel_tcg")}</span>}</Show>
          </Tile>
        </Show>
        <Show when={may("storage.read", "/storages")}>
          <Tile title={t("storages")} path="/storages" figure={space().total ? percent(1 - space().free / space().total) : "–"}>
            <Meter label={t("storages")} part={space().total ? 1 - space().free / space().total : 0} level={allStorages().some(isFull) ? "bad" : space().free < space().total * 0.2 ? "warn" : undefined} />
            <span class="quiet small">{space().total ? t("free_of", { free: size(space().free), total: size(space().total) }) : "–"}</span>
          </Tile>
        </Show>
      </div>
      <Show when={ready() && !live.vm.count() && may("vm.create", "/vms")}><FirstSteps /></Show>
      <div class="split">
        <div class="stack">
          <section class="card">
            <header><h2>{t("attention")}</h2><Show when={attention().length}><span class="quiet">{count(attention().length)}</span></Show></header>
            <ul class="plain-list">
              <For each={attention().slice(0, SHOWN)} fallback={<li class="state good">{t("attention_none")}</li>}>
                {(one) => <li><A class={`state long ${one.level} ink`} href={one.path}><bdi>{one.text}</bdi></A></li>}
              </For>
            </ul>
          </section>
          <section class="card">
            <header><h2>{t("recent_tasks")}</h2><A href="/tasks">{t("all")}</A></header>
            <table class="table flat"><tbody>
              <For each={tasks()} fallback={<tr><td class="quiet">{t("no_tasks")}</td></tr>}>
                {(task) => <tr><td><A class="ink" href={`/tasks/${task.id}`}><bdi>{taskTitle(task)}</bdi></A></td><td><TaskStateText state={task.state} /></td><td class="quiet small number">{ago(task.created, now())}</td></tr>}
              </For>
            </tbody></table>
          </section>
        </div>
        <Show when={may("node.read", "/nodes")}><div class="stack"><Suspense><NodeGraphs short /></Suspense></div></Show>
      </div>
    </>
  );
}
