// The page's content security policy lets no style in by text. xterm.js writes <style> elements and style attributes, all
// of its own making; here they take the ways that the policy allows: constructed style sheets and the CSSOM.
const createElement = Document.prototype.createElement;

function styleElement(): HTMLElement {
  const element = createElement.call(document, "div") as HTMLElement;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  element.hidden = true;
  Object.defineProperty(element, "textContent", { set: (text: string) => sheet.replaceSync(text) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

Document.prototype.createElement = function (this: Document, name: string, options?: ElementCreationOptions) {
  return name === "style" ? styleElement() : createElement.call(this, name, options);
} as typeof createElement;

const setAttribute = Element.prototype.setAttribute;
HTMLElement.prototype.setAttribute = function (this: HTMLElement, name: string, value: string) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};
