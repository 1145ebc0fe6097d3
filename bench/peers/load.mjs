// Stands here so that a peer is looked for in this folder's own `node_modules`.
import { readFileSync } from 'node:fs';

/** @param {string} name */
export const load = (name) => import(name);

/** @param {string} name */
export const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
