// The whole configuration's past: who changed what, and back to any point of it.
import { createResource, createSignal, type JSX } from "solid-js";
import { get } from "../api/http";
import { live } from "../api/live";
import type { Commit, List } from "../api/types";
import { t } from "../i18n";
import { HistoryList } from "../ui/history-list";
import { Pager } from "../ui/pager";

export function History(): JSX.Element {
  const [before, setBefore] = createSignal<string>();
  const [page, { refetch }] = createResource(
    () => ({ before: before(), news: (live.vm.all(), live.storage.all(), 0) }),
    ({ before: position }) => get<List<Commit>>(`/history?limit=50${position ? `&before=${position}` : ""}`),
  );
  return (
    <>
      <h1>{t("history")}</h1>
      <HistoryList commits={page.latest?.items} restored={() => void refetch()} />
      <Pager at={before()} next={page.latest?.next} go={setBefore} />
    </>
  );
}
