import { createResource, createSignal, For, Show, type JSX } from "solid-js";
import { get } from "../api/http";
import type { Node } from "../api/types";
import { t } from "../i18n";
import { duration, size } from "../i18n/units";
import { ErrorBox } from "../ui/errors";

interface Check {
  check: string;
  state: string;
  found: string;
  cost?: string;
  remedy?: string;
}

export function NodeView(): JSX.Element {
  const [node] = createResource(() => get<Node>("/nodes/self"));
  const [asked, setAsked] = createSignal(false);
  const [doctor] = createResource(asked, () => get<{ checks: Check[] }>("/nodes/self/doctor"));
  const level: Record<string, string> = { ok: "good", note: "off", warning: "warn", problem: "bad" };
  return (
    <>
      <h1>{t("node")} {node()?.name}</h1>
      <ErrorBox error={node.error} />
      <div class="columns">
        <Show when={node.state === "ready" && node()}>
          {(found) => (
            <section class="card">
              <dl class="facts">
                <dt>Yado</dt><dd>{found().version}</dd>
                <dt>QEMU</dt><dd>{found().qemu}</dd>
                <dt>{t("acceleration")}</dt><dd>{found().acceleration?.toUpperCase()}<div class="quiet small">{found().acceleration_reason}</div></dd>
                <dt>{t("cpus")}</dt><dd>{found().cpus}</dd>
                <dt>{t("memory")}</dt><dd>{t("free_of", { free: size(found().memory_free), total: size(found().memory) })}</dd>
                <dt>{t("uptime")}</dt><dd>{duration(found().uptime ?? 0)}</dd>
                <dt>{t("running_guests")}</dt><dd>{found().running}</dd>
                <dt>cgroup</dt><dd>{found().cgroup}<div class="quiet small">{found().guest_groups}</div></dd>
                <dt>{t("machine")}</dt><dd>{found().machine}</dd>
              </dl>
            </section>
          )}
        </Show>
        <section class="card">
          <header><h2>{t("doctor")}</h2><button disabled={doctor.loading} onClick={() => setAsked(true)}>{doctor.loading ? t("doctor_works") : t("doctor_ask")}</button></header>
          <ErrorBox error={doctor.error} />
          <For each={doctor.error ? [] : doctor()?.checks.filter((check) => check.state !== "ok")} fallback={<p class="quiet">{doctor.state === "ready" ? t("doctor_fine") : t("doctor_hint")}</p>}>
            {(check) => (
              <div>
                <span class={`state long ${level[check.state] ?? "off"}`}><strong>{check.check}</strong></span>
                <div>{check.found}</div>
                <Show when={check.cost}><div class="quiet small">{check.cost}</div></Show>
                <Show when={check.remedy}><div class="small"><code>{check.remedy}</code></div></Show>
              </div>
            )}
          </For>
        </section>
      </div>
    </>
  );
}
