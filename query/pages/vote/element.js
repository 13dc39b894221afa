// Elements of a page, made by one expression; what is in them is text, whatever it says.

export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
