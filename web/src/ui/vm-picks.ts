// What can stand in those fields of a guest that name something that there is.
import { live, mappingNames } from "../api/live";

const names = (all: { name: string }[]) => all.map((one) => one.name);

export const vmPicks = (): Record<string, readonly string[]> => ({
  "disks.storage": names(live.storage.all()),
  "disks.image": names(live.image.all().filter((one) => one.kind !== "iso")),
  "cdroms.image": names(live.image.all().filter((one) => one.kind === "iso")),
  "usb.mapping": mappingNames("usb"),
  "pci.mapping": mappingNames("pci"),
  "shares.mapping": mappingNames("directory"),
});
