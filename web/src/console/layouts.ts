// Which key of a keyboard gives which character, by the key's place (KeyboardEvent.code): alone and with Shift. A guest
// gets places; what they mean is up to the layout that is set inside it.

export interface Stroke {
  code: string;
  shift: boolean;
}

const letters = [
  ["KeyA", "aA"], ["KeyB", "bB"], ["KeyC", "cC"], ["KeyD", "dD"], ["KeyE", "eE"], ["KeyF", "fF"], ["KeyG", "gG"], ["KeyH", "hH"], ["KeyI", "iI"],
  ["KeyJ", "jJ"], ["KeyK", "kK"], ["KeyL", "lL"], ["KeyM", "mM"], ["KeyN", "nN"], ["KeyO", "oO"], ["KeyP", "pP"], ["KeyQ", "qQ"], ["KeyR", "rR"],
  ["KeyS", "sS"], ["KeyT", "tT"], ["KeyU", "uU"], ["KeyV", "vV"], ["KeyW", "wW"], ["KeyX", "xX"], ["KeyY", "yY"], ["KeyZ", "zZ"], ["Space", " "],
] as const;

const us = [
  ...letters,
  ["Backquote", "`~"], ["Digit1", "1!"], ["Digit2", "2@"], ["Digit3", "3#"], ["Digit4", "4$"], ["Digit5", "5%"], ["Digit6", "6^"], ["Digit7", "7&"],
  ["Digit8", "8*"], ["Digit9", "9("], ["Digit0", "0)"], ["Minus", "-_"], ["Equal", "=+"], ["BracketLeft", "[{"], ["BracketRight", "]}"],
  ["Backslash", "\\|"], ["Semicolon", ";:"], ["Quote", "'\""], ["Comma", ",<"], ["Period", ".>"], ["Slash", "/?"],
] as const;

// JIS X 6002, as keyboards with 106 and 109 keys have it.
const jis = [
  ...letters,
  ["Digit1", "1!"], ["Digit2", '2"'], ["Digit3", "3#"], ["Digit4", "4$"], ["Digit5", "5%"], ["Digit6", "6&"], ["Digit7", "7'"], ["Digit8", "8("],
  ["Digit9", "9)"], ["Digit0", "0"], ["Minus", "-="], ["Equal", "^~"], ["IntlYen", "¥|"], ["BracketLeft", "@`"], ["BracketRight", "[{"],
  ["Semicolon", ";+"], ["Quote", ":*"], ["Backslash", "]}"], ["Comma", ",<"], ["Period", ".>"], ["Slash", "/?"], ["IntlRo", "\\_"],
] as const;

// A layout in which a printable character of ASCII is lacking does not compile.
type Characters<Text extends string, Found = never> = Text extends `${infer First}${infer Rest}` ? Characters<Rest, Found | First> : Found;
type Ascii = Characters<" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~">;
type Keys = readonly (readonly [code: string, characters: string])[];
type Whole<Layout extends Keys> = Exclude<Ascii, Characters<Layout[number][1]>> extends never ? Layout : never;

function layout<const Layout extends Keys>(keys: Whole<Layout>): ReadonlyMap<string, Stroke> {
  return new Map((keys as Keys).flatMap(([code, characters]) => [...characters].map((character, at) => [character, { code, shift: at === 1 }] as const)));
}

export const layouts = { us: layout<typeof us>(us), jis: layout<typeof jis>(jis) };
export type Layout = keyof typeof layouts;
