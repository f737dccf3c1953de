// The views that the menu at the side has.
import { may } from "../api/http";
import { live } from "../api/live";
import type { Key } from "../i18n";
import type { IconName } from "./icons";

export interface Place {
  path: string;
  icon: IconName;
  title: Key;
  allowed: () => boolean;
  count?: () => number;
}

export const places: Place[] = [
  { path: "/", icon: "overview", title: "overview", allowed: () => true },
  { path: "/guests", icon: "guests", title: "guests", allowed: () => true, count: () => live.vm.count() },
  { path: "/images", icon: "images", title: "images", allowed: () => true, count: () => live.image.count() },
  { path: "/storages", icon: "storages", title: "storages", allowed: () => may("storage.read", "/storages"), count: () => live.storage.count() },
  { path: "/tasks", icon: "tasks", title: "tasks", allowed: () => true },
  { path: "/history", icon: "history", title: "history", allowed: () => may("history.read") },
  { path: "/access", icon: "access", title: "access", allowed: () => true },
  { path: "/node", icon: "node", title: "node", allowed: () => may("node.read", "/nodes") },
];
