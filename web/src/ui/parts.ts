// Parts of a guest that are served by processes of their own, as people call them.
import { t } from "../i18n";

// "nics.nic0", "shares.docs", "tpm"
export function partName(part: string): string {
  const [map, key] = part.split(".");
  return map === "nics" ? t("part_nic", { name: key! }) : map === "shares" ? t("part_share", { name: key! }) : "TPM";
}
