/**
 * Text of strangers, for a terminal or a page: what would move a cursor, change a colour, end a line or turn the reading
 * direction is shown as the number of its character.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same in one line. */
export function visibleLine(text: string): string {
  return visible(text.replace(/\s*[\r\n]+\s*/g, ' ').replaceAll('\t', ' '));
}

// eslint-disable-next-line no-control-regex -- these are the very characters it is about
const UNSEEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
