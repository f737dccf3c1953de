// How the node is, and what needs somebody.
import { A } from "@solidjs/router";
import { createMemo, createResource, For, Show, type JSX } from "solid-js";
import { get, may } from "../api/http";
import { live, ready } from "../api/live";
import type { List, Node, Storage } from "../api/types";
import { t, type Key } from "../i18n";
import { ago, count, duration, percent, size } from "../i18n/units";
import { now } from "../ui/clock";
import { Meter, TaskStateText } from "../ui/state";

interface Attention {
  level: "bad" | "warn";
  text: string;
  path: string;
}

export function Overview(): JSX.Element {
  // Read again when guests or storages have changed: what is measured is in no event.
  const nodes = createResource(() => (live.node.all(), live.vm.all().filter((vm) => vm.state === "running").length), () => get<List<Node>>("/nodes").catch(() => ({ items: [] })))[0];
  const storages = createResource(() => (live.storage.all(), live.vm.map.size), () => (may("storage.read", "/storages") ? get<List<Storage>>("/storages") : Promise.resolve({ items: [] as Storage[] })))[0];
  const states = createMemo(() => {
    const counts = new Map<string, number>();
    for (const vm of live.vm.all()) counts.set(vm.state, (counts.get(vm.state) ?? 0) + 1);
    return counts;
  });
  const tasks = createMemo(() => live.task.all().sort((a, b) => b.id - a.id).slice(0, 8));
  const attention = createMemo((): Attention[] => {
    const found: Attention[] = [];
    for (const vm of live.vm.all()) {
      if (vm.state === "panicked" || vm.state === "unknown") found.push({ level: "bad", text: `${vm.name}: ${vm.reason}`, path: `/guests/${vm.id}` });
      else if (vm.state === "paused" && vm.reason_code === "no-space") found.push({ level: "bad", text: `${vm.name}: ${vm.reason}`, path: `/guests/${vm.id}` });
      else if (vm.pending) found.push({ level: "warn", text: t("attention_pending", { name: vm.name }), path: `/guests/${vm.id}/hardware` });
    }
    for (const storage of storages()?.items ?? []) {
      const space = storage.space;
      if (!storage.usable) found.push({ level: "bad", text: t("attention_unusable", { name: storage.name }), path: "/storages" });
      else if (space && space.total && space.free / space.total < 0.1) found.push({ level: "warn", text: t("attention_full", { name: storage.name, free: size(space.free) }), path: "/storages" });
    }
    for (const task of live.task.all())
      if (task.state === "failed" && now() - Date.parse(task.created) < 86400_000) found.push({ level: "warn", text: `${task.kind} ${task.object}: ${task.error?.message ?? ""}`, path: `/tasks/${task.id}` });
    return found.sort((a, b) => a.level.localeCompare(b.level));
  });
  return (
    <>
      <h1>{t("overview")}</h1>
      <div class="columns">
        <section class="card">
          <header><h2>{t("guests")}</h2><A href="/guests">{t("all")}</A></header>
          <Show when={ready()} fallback={<p class="quiet">{t("loading")}</p>}>
            <Show when={live.vm.map.size} fallback={<div class="stack"><p class="quiet">{t("no_guests")}</p><Show when={may("vm.create", "/vms")}><div><A class="button main-action" href="/guests/new">{t("create_guest")}</A></div></Show></div>}>
              <div class="line wide-gaps">
                <For each={[...states()].sort((a, b) => b[1] - a[1])}>
                  {([state, number]) => (
                    <A href={`/guests?filter=state:${state}`} class="ink">
                      <div class="figure">{count(number)}</div>
                      <div class="quiet small">{t(`state_${state}` as Key)}</div>
                    </A>
                  )}
                </For>
              </div>
            </Show>
          </Show>
        </section>
        <For each={nodes()?.items}>
          {(node) => (
            <section class="card">
              <header><h2>{t("node")} {node.name}</h2><A href="/node">{t("details")}</A></header>
              <dl class="facts">
                <dt>{t("memory")}</dt>
                <dd class="stack close">
                  <span>{t("used_of", { used: size(node.memory - (node.memory_free ?? 0)), total: size(node.memory) })}</span>
                  <Meter label={t("memory")} part={1 - (node.memory_free ?? 0) / node.memory} level={(node.memory_free ?? 1) / node.memory < 0.08 ? "bad" : undefined} />
                </dd>
                <dt>{t("cpus")}</dt><dd>{node.cpus}</dd>
                <dt>{t("acceleration")}</dt><dd>{node.acceleration?.toUpperCase()}</dd>
                <dt>{t("uptime")}</dt><dd>{duration(node.uptime ?? 0)}</dd>
              </dl>
            </section>
          )}
        </For>
        <Show when={storages()?.items.length}>
          <section class="card">
            <header><h2>{t("storages")}</h2><A href="/storages">{t("all")}</A></header>
            <For each={storages()!.items}>
              {(storage) => (
                <div class="stack close">
                  <div class="line apart">
                    <span>{storage.name}</span>
                    <span class="quiet small">{storage.space ? `${t("free_of", { free: size(storage.space.free), total: size(storage.space.total) })} · ${percent(1 - storage.space.free / storage.space.total)}` : t("unusable")}</span>
                  </div>
                  <Show when={storage.space}>{(space) => <Meter label={storage.name} part={1 - space().free / space().total} level={space().free / space().total < 0.1 ? "bad" : undefined} />}</Show>
                </div>
              )}
            </For>
          </section>
        </Show>
      </div>
      <div class="columns">
        <section class="card">
          <header><h2>{t("attention")}</h2></header>
          <For each={attention()} fallback={<p class="state good">{t("attention_none")}</p>}>
            {(item) => <A href={item.path} class="ink"><span class={`state long ${item.level}`}>{item.text}</span></A>}
          </For>
        </section>
        <section class="card">
          <header><h2>{t("recent_tasks")}</h2><A href="/tasks">{t("all")}</A></header>
          <Show when={tasks().length} fallback={<p class="quiet">{t("no_tasks")}</p>}>
            <table class="table">
              <tbody>
                <For each={tasks()}>
                  {(task) => (
                    <tr>
                      <td><A href={`/tasks/${task.id}`}>{task.kind}</A> <span class="quiet">{task.object}</span></td>
                      <td><TaskStateText state={task.state} /></td>
                      <td class="number quiet small">{ago(task.created, now())}</td>
                    </tr>
                  )}
                </For>
              </tbody>
            </table>
          </Show>
        </section>
      </div>
    </>
  );
}
