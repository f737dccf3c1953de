// What can stand in a grant, as far as this page knows of it.
import { live } from "../../api/live";

export function grantSuggestions(): Record<string, string[]> {
  const tags = new Set(live.vm.all().flatMap((vm) => vm.tags));
  return {
    "grants.role": live.role.all().map((role) => role.name),
    "grants.path": ["/", "/vms", ...[...tags].map((tag) => `/tags/${tag}`), "/images", "/storages", ...live.storage.all().map((storage) => `/storages/${storage.name}`), "/mappings", ...live.mapping.all().map((mapping) => `/mappings/${mapping.name}`), "/nodes"],
  };
}
