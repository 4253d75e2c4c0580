/** Finding and making elements, without a framework. */

/** @throws Error when the page has no such element: index.html and the modules must agree */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`index.html has no ${kind.name} with the id ${id}`);
}

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

/** Outlines on a field of 20 by 20, one path each. */
const ICONS = {
  copy: 'M7 7h9v9H7zM4 13V4h9',
  done: 'M4 10.5l4 4 8-9',
  edit: 'M4 16l1-4 8.5-8.5 3 3L8 15zM11.5 5.5l3 3',
  retry: 'M15.5 7A6.2 6.2 0 1 0 16 12M16 3.5V7.3h-3.8',
  remove: 'M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6',
  up: 'M10 16V4M5 9l5-5 5 5',
} as const;

export type IconName = keyof typeof ICONS;

export function icon(name: IconName): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const element = document.createElementNS(space, 'svg');
  const path = document.createElementNS(space, 'path');
  element.setAttribute('viewBox', '0 0 20 20');
  element.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', ICONS[name]);
  element.append(path);
  return element;
}

/** A button without words on it; `label` is what it is called. */
export function iconButton(name: IconName, label: string, onPress: () => void): HTMLButtonElement {
  const button = make('button', 'tool', icon(name));
  button.type = 'button';
  button.ariaLabel = label;
  button.title = label;
  button.addEventListener('click', onPress);
  return button;
}

/** Says something to those who hear the page instead of seeing it. The same words twice are said twice. */
export function announce(words: string): void {
  const place = byId('announcement', HTMLElement);
  place.textContent = '';
  setTimeout(() => {
    place.textContent = words;
  }, 50);
}
