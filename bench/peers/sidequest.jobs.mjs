// The job of sidequest, which wants a class in a module of its own.
import { Job } from 'sidequest';

let handle = () => undefined;

export function onNote(handler) {
  handle = handler;
}

export class Note extends Job {
  run(payload) {
    handle(payload);
  }
}
