// Who asked for what, and how it went; and whether the log is as it was written.
import { createResource, createSignal, For, Show, type JSX } from "solid-js";
import { get } from "../../api/http";
import type { AuditEntry, AuditVerify, List } from "../../api/types";
import { t, type Key } from "../../i18n";
import { count, when } from "../../i18n/units";
import { ErrorBox } from "../../ui/errors";
import { objectName } from "../../ui/object";
import { Pager } from "../../ui/pager";

const look: Record<string, string> = { done: "good", refused: "warn", failed: "bad" };

export function Audit(): JSX.Element {
  const [after, setAfter] = createSignal<string>();
  const [filter, setFilter] = createSignal("");
  const [page] = createResource(
    () => ({ after: after(), filter: filter() }),
    ({ after: position, filter: text }) => get<List<AuditEntry>>(`/audit?limit=100${position ? `&after=${position}` : ""}${text ? `&filter=${encodeURIComponent(text)}` : ""}`),
  );
  const [asked, setAsked] = createSignal(0);
  const [verified] = createResource(asked, () => get<AuditVerify>("/audit/verify"));
  return (
    <>
      <div class="line">
        <label class="grows"><span class="hidden-text">{t("filter")}</span><input type="search" placeholder="user:ann outcome:refused action~vms" onChange={(event) => (setAfter(undefined), setFilter(event.currentTarget.value))} /></label>
        <button disabled={verified.loading} onClick={() => setAsked(asked() + 1)}>{t("verify")}</button>
      </div>
      <ErrorBox error={verified.error} />
      <Show when={!verified.error && verified()}>
        {(found) => <div class={`box ${found().intact ? "good" : "bad"}`} role="status">{found().intact ? t("audit_intact", { count: count(found().entries) }) : (found().problem ?? t("audit_broken"))}<div class="small mono">{found().hash}</div></div>}
      </Show>
      <ErrorBox error={page.error} />
      <section class="card scroll-x">
        <table class="table">
          <thead><tr><th>{t("at")}</th><th>{t("user")}</th><th>{t("address")}</th><th>{t("action")}</th><th>{t("object")}</th><th>{t("outcome")}</th></tr></thead>
          <tbody>
            <For each={page.error ? [] : page.latest?.items}>
              {(entry) => (
                <tr>
                  <td class="quiet nowrap">{when(entry.at)}</td>
                  <td>{entry.user}</td>
                  <td class="mono">{entry.address || entry.via}</td>
                  <td><code>{entry.action}</code></td>
                  <td title={entry.object}><bdi>{entry.object ? objectName(entry.object) : "–"}</bdi></td>
                  <td><span class={`state ${look[entry.outcome] ?? "off"}`}>{t(`outcome_${entry.outcome}` as Key)}</span></td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </section>
      <Pager at={after()} next={page.error ? undefined : page.latest?.next} go={setAfter} />
    </>
  );
}
