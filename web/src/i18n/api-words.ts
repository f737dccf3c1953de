// Japanese for texts that the API has in English: why a guest is in its state, and what kind of error stands in the way.
// Both come with a stable word; the English text stays where it says more or where the word is not known.
import { language } from "./index";

const reasons: Record<string, string> = {
  started: "起動", "user-stop": "電源オフ", "user-shutdown": "シャットダウン", "node-shutdown": "ノードと共にシャットダウン", "user-pause": "一時停止", "user-resume": "再開", "user-reset": "リセット",
  resumed: "再開", paused: "一時停止", asleep: "ゲストがスリープ中。再開すると起きる", "guest-reboot": "ゲストが再起動", "guest-shutdown": "ゲスト自身がシャットダウン", "node-restart": "稼働中にノードが再起動",
  "no-space": "空き容量がないため一時停止。容量を空けて回答してください", "io-error": "ストレージのエラーで一時停止。原因を確認して回答してください", "internal-error": "QEMUの内部エラーで停止。ログを確認してください", watchdog: "ウォッチドッグの時間切れ", unresponsive: "QEMUは動作中ですが、モニターが応答しません",
};

export function reasonText(guest: { reason: string; reason_code: string }): string {
  const known = language() === "ja" ? reasons[guest.reason_code] : undefined;
  if (!known) return guest.reason;
  const by = / by (\S+)$/.exec(guest.reason)?.[1];
  return by ? `${known}（${by}）` : known;
}

// Why a part of a guest is broken: "its passt has ended: killed by signal 9 (Killed)".
export function problemText(problem: string): string {
  const ended = language() === "ja" ? /^its (\S+) has ended(?:: (.*))?$/.exec(problem) : null;
  if (!ended) return problem;
  const signal = /^killed by signal (\d+)/.exec(ended[2] ?? "");
  return `${ended[1]} が終了${signal ? `、シグナル ${signal[1]}` : ended[2] ? `: ${ended[2]}` : ""}`;
}

// Of PCI and USB devices.
const classes: Record<string, string> = {
  other: "その他", storage: "ストレージ", network: "ネットワーク", display: "ディスプレイ", multimedia: "マルチメディア", memory: "メモリ", bridge: "ブリッジ", communication: "通信", system: "システム", input: "入力",
  "docking station": "ドッキングステーション", processor: "プロセッサー", "serial bus": "シリアルバス", wireless: "無線", "intelligent controller": "インテリジェントコントローラー", satellite: "衛星通信", encryption: "暗号化", "signal processing": "信号処理", accelerator: "アクセラレーター",
  audio: "オーディオ", camera: "カメラ", printer: "プリンター", "smart card": "スマートカード", video: "ビデオ",
};

export const deviceClass = (name: string): string => (language() === "ja" && classes[name]) || name;

const errors: Record<string, string> = {
  invalid: "値が正しくありません", unauthorized: "サインインが必要です", forbidden: "権限がありません", "not-found": "見つかりません", conflict: "現在の状態では実行できません", exists: "その名前は既に使われています",
  stale: "他の人が先に変更しました。読み直してください", "too-large": "大きすぎます", unsupported: "このノードまたは状態では対応していません", "too-many": "回数が多すぎます。少し待ってください", cancelled: "中止されました", failed: "処理に失敗しました", unavailable: "一時的に利用できません", timeout: "時間切れです", "no-space": "空き容量がありません",
};

export const errorKind = (code: string): string | undefined => (language() === "ja" ? errors[code] : undefined);
