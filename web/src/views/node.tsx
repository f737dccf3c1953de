// The machine itself: what it is and has, how it does, what the doctor says, and its end.
import { createSignal, For, Show, Suspense, type JSX } from "solid-js";
import { ask, get, may } from "../api/http";
import { live } from "../api/live";
import { reading } from "../api/read";
import type { Node } from "../api/types";
import { either, t, type Key } from "../i18n";
import { duration, percent, size } from "../i18n/units";
import { ErrorBox } from "../ui/errors";
import { later } from "../ui/later";
import { ShutdownDialog } from "../ui/shutdown";
import { Mappings } from "../ui/mappings";
import { Meter } from "../ui/state";
import { follow, tellFailed } from "../ui/toasts";

const NodeMemoryCard = later(() => import("../ui/node-memory").then((m) => ({ default: m.NodeMemoryCard })));
const NodeGraphs = later(() => import("../ui/node-graphs").then((m) => ({ default: m.NodeGraphs })));

interface Check {
  check: string;
  state: "ok" | "note" | "unknown" | "warning" | "problem";
  title: string;
  title_ja?: string;
  found: string;
  found_ja?: string;
  cost?: string;
  cost_ja?: string;
  remedy?: string;
  remedy_ja?: string;
}

const look: Record<Check["state"], string> = { ok: "good", note: "off", unknown: "off", warning: "warn", problem: "bad" };
const order: Check["state"][] = ["problem", "warning", "unknown", "note", "ok"];
// The checks that are about Yado's own programs.
const services = ["daemon", "front", "databases", "certificate", "cgroups", "stale"];

function CheckText(props: { check: Check }): JSX.Element {
  return (
    <li>
      <span class={`state long ${look[props.check.state]}`}><strong>{either(props.check.title, props.check.title_ja)}</strong></span>
      <div class="under-state">
        <div>{either(props.check.found, props.check.found_ja)}</div>
        <Show when={props.check.cost}><div class="quiet small">{either(props.check.cost, props.check.cost_ja)}</div></Show>
        <Show when={props.check.remedy}><div class="small text">→ {either(props.check.remedy, props.check.remedy_ja)}</div></Show>
      </div>
    </li>
  );
}

function Doctor(): JSX.Element {
  const [asked, setAsked] = createSignal(false);
  const [all, setAll] = createSignal(false);
  const doctor = reading(() => (asked() ? "/nodes/self/doctor" : undefined), (path) => get<{ checks: Check[] }>(path));
  const checks = () => [...(doctor.value?.checks ?? [])].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return (
    <>
      <section class="card">
        <header><h2>{t("doctor")}</h2><button disabled={doctor.loading} onClick={() => (asked() ? doctor.again() : setAsked(true))}>{doctor.loading ? t("doctor_works") : t("doctor_ask")}</button></header>
        <ErrorBox error={doctor.error} />
        <Show when={checks().length} fallback={<p class="quiet">{t("doctor_hint")}</p>}>
          <ul class="plain-list spaced">
            <For each={checks().filter((check) => all() || check.state !== "ok")} fallback={<li class="state good">{t("doctor_fine")}</li>}>{(check) => <CheckText check={check} />}</For>
          </ul>
          <div><button class="plain small" onClick={() => setAll(!all())}>{t(all() ? "doctor_less" : "doctor_all", { count: checks().length })}</button></div>
        </Show>
      </section>
      <Show when={checks().length}>
        <section class="card">
          <h2>{t("services")}</h2>
          <ul class="plain-list spaced"><For each={checks().filter((check) => services.includes(check.check))}>{(check) => <CheckText check={check} />}</For></ul>
        </section>
      </Show>
    </>
  );
}

// How the CPUs are arranged: sockets and cores, and what not every machine has: two kinds of cores, several NUMA nodes.
function Processors(props: { of: Node["processors"] }): JSX.Element {
  return (
    <div class="quiet small">
      <div>{props.of.model}</div>
      <div>{t("cpu_arrangement", { sockets: props.of.sockets, cores: props.of.cores, threads: props.of.threads })}</div>
      <For each={props.of.kinds}>{(kind) => <div>{t(`cores_${kind.kind}`, { count: kind.count, cpus: kind.cpus })}</div>}</For>
      <Show when={props.of.numa.length > 1}>
        <For each={props.of.numa}>{(numa) => <div>{t("numa_node", { node: numa.node, cpus: numa.cpus || "–", memory: size(numa.memory) })}</div>}</For>
      </Show>
    </div>
  );
}

export function NodeView(): JSX.Element {
  const node = reading(() => "/nodes/self", (path) => get<Node>(path), { changes: () => (live.vm.count(), live.node.count()) });
  const [shuttingDown, setShuttingDown] = createSignal(false);
  const shutDown = (body: unknown) =>
    void ask<{ task: number }>("POST", "/nodes/self/shutdown-guests", { body, key: crypto.randomUUID() }).then(
      (answer) => follow(answer.body.task, t("kind_node.shutdown-guests")),
      (error: unknown) => tellFailed(t("kind_node.shutdown-guests"), error),
    );
  return (
    <>
      <div class="heading">
        <h1>{t("node")} {node.value?.name}</h1>
        <Show when={may("node.manage", "/nodes")}>
          <div class="actions">
            <a class="button" href="/api/v1/nodes/self/support-bundle" download="">{t("support_bundle")}</a>
            <button class="danger" onClick={() => setShuttingDown(true)}>{t("shutdown_guests")}</button>
          </div>
        </Show>
      </div>
      <ErrorBox error={node.error} />
      <Show when={node.value}>
        {(found) => (
          <div class="columns">
            <section class="card">
              <dl class="facts">
                <dt>Yado</dt><dd>{found().version}</dd>
                <dt>QEMU</dt><dd>{found().qemu}</dd>
                <dt>{t("machine")}</dt><dd>{found().machine}</dd>
                <dt>{t("uptime")}</dt><dd>{duration(found().uptime)}</dd>
                <dt>{t("running_guests")}</dt><dd>{found().running}</dd>
                <dt>{t("cpus")}</dt><dd>{found().cpus}<Processors of={found().processors} /></dd>
                <dt>{t("memory")}</dt>
                <dd><Meter label={t("memory")} part={1 - found().memory_free / found().memory} /><span class="quiet small">{t("free_of", { free: size(found().memory_free), total: size(found().memory) })} · {percent(1 - found().memory_free / found().memory)}</span></dd>
              </dl>
            </section>
            <section class="card">
              <dl class="facts">
                <dt>{t("acceleration")}</dt><dd><span class={`state ${found().acceleration === "kvm" ? "good" : "warn"}`}>{t(`accel_${found().acceleration}` as Key)}</span><div class="quiet small">{found().acceleration_reason}</div></dd>
                <dt>{t("guest_groups")}</dt><dd>{found().cgroup}<div class="quiet small">{found().guest_groups}</div></dd>
              </dl>
            </section>
          </div>
        )}
      </Show>
      <Suspense><NodeGraphs /></Suspense>
      <Show when={may("mapping.read", "/mappings")}><Mappings /></Show>
      <Show when={may("node.read", "/nodes")}><div class="columns"><Suspense><NodeMemoryCard /></Suspense></div></Show>
      <div class="columns"><Doctor /></div>
      <Show when={shuttingDown()}>
        <ShutdownDialog table="node-shutdown-request" title={t("shutdown_guests")} text={t("shutdown_guests_text")} path="/nodes/self/shutdown-guests" command="node shutdown-guests" word="self" close={() => setShuttingDown(false)} go={shutDown} />
      </Show>
    </>
  );
}
