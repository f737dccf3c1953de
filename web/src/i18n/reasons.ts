// Why a guest is in its state, in Japanese: by the stable word that comes with the API's English text. The text itself
// stands where it says more (an error) or where the word is not known.
import { language } from "./index";

const japanese: Record<string, string> = {
  started: "起動", "user-stop": "電源オフ", "user-shutdown": "シャットダウン", "node-shutdown": "ノードと共にシャットダウン", "user-pause": "一時停止", "user-resume": "再開", "user-reset": "リセット",
  resumed: "再開", paused: "一時停止", "guest-reboot": "ゲストが再起動", "guest-shutdown": "ゲスト自身がシャットダウン", "node-restart": "稼働中にノードが再起動",
  "no-space": "空き容量がないため一時停止。容量を空けて再開してください", "internal-error": "QEMUの内部エラーで停止。ログを確認してください", unresponsive: "QEMUは動作中ですが、モニターが応答しません",
};

export function reasonText(guest: { reason: string; reason_code: string }): string {
  const known = language() === "ja" ? japanese[guest.reason_code] : undefined;
  if (!known) return guest.reason;
  const by = / by (\S+)$/.exec(guest.reason)?.[1];
  return by ? `${known}（${by}）` : known;
}
