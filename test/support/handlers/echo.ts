import { defineHandler } from '../../../workers/index.ts';

/** Gives back what it was given. */
export default defineHandler((payload) => payload);
