// What the API calls "vm/100" or "vm.start", as people call it; and where the page shows it.
import { live } from "../api/live";
import type { Task } from "../api/types";
import { t, type Key } from "../i18n";
import { en } from "../i18n/en";

const split = (path: string): [string, string] => {
  const slash = path.indexOf("/");
  return slash < 0 ? [path, ""] : [path.slice(0, slash), path.slice(slash + 1)];
};

export function objectName(path: string): string {
  const [kind, name] = split(path);
  if (kind === "vm") return live.vm.get(name)?.name ?? name;
  return kind === "node" && name === "self" ? t("node") : name || path;
}

export function objectPlace(path: string): string | undefined {
  const [kind, name] = split(path);
  if (kind === "vm") return live.vm.get(name) ? `/guests/${name}` : undefined;
  if (kind === "storage") return live.storage.get(name) ? `/storages/${encodeURIComponent(name)}` : undefined;
  if (kind === "image") return live.image.get(name) ? `/images/${encodeURIComponent(name)}` : "/images";
  return kind === "node" || kind === "mapping" ? "/node" : undefined;
}

export const kindName = (kind: string): string => (`kind_${kind}` in en ? t(`kind_${kind}` as Key) : kind);
export const taskTitle = (task: Pick<Task, "kind" | "object">): string => (task.object ? `${kindName(task.kind)}: ${objectName(task.object)}` : kindName(task.kind));
