import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Turns } from '../../src/kernel/actor.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';

/** Turns on a clock that stands still, and what happened in them, in order. */
function makeTurns() {
  const clock = createFakeClock();
  const seen: string[] = [];
  const crashes: Array<readonly [name: string, error: unknown]> = [];
  const turns = new Turns(clock, (name, error) => crashes.push([name, error]));
  turns.whenQuiet(() => seen.push('quiet'));
  const actor = (name: string, react: (message: string) => void = () => undefined) => {
    const mailbox = turns.mailbox<string>(name);
    mailbox.serve((messages) => {
      seen.push(`${name}: ${messages.join(' ')}`);
      messages.forEach(react);
    });
    return mailbox;
  };
  return { clock, turns, seen, crashes, actor };
}

describe('a mailbox', () => {
  test('gives all messages that arrived since the last call, in the order told, in a later turn', () => {
    const { clock, seen, actor } = makeTurns();
    const journal = actor('journal');
    journal.tell('a');
    journal.tell('b');
    journal.tell('c');
    assert.deepEqual(seen, []);
    clock.runTurns();
    assert.deepEqual(seen, ['journal: a b c', 'quiet']);
    journal.tell('d');
    clock.runTurns();
    assert.deepEqual(seen.slice(2), ['journal: d', 'quiet']);
  });

  test('is asked for once, however many messages come', () => {
    const { clock, actor } = makeTurns();
    const journal = actor('journal');
    const runner = actor('runner');
    for (let n = 0; n < 100; n++) (n % 2 === 0 ? journal : runner).tell('x');
    assert.equal(clock.turnsAsked, 1);
    clock.runTurns();
    assert.equal(clock.turnsAsked, 0);
  });

  test('keeps what its actor tells itself for the next call, not for this one', () => {
    const { clock, seen, actor } = makeTurns();
    const counter = actor('counter', (message) => {
      if (Number(message) < 3) counter.tell(String(Number(message) + 1));
    });
    counter.tell('1');
    clock.runTurns();
    assert.deepEqual(seen, ['counter: 1', 'counter: 2', 'counter: 3', 'quiet']);
  });

  test('waits with its messages until somebody serves it, and then asks for a turn', () => {
    const { clock, turns } = makeTurns();
    const mailbox = turns.mailbox<string>('late');
    mailbox.tell('a');
    clock.runTurns();
    mailbox.tell('b');
    assert.equal(clock.turnsAsked, 0);
    const received: string[][] = [];
    mailbox.serve((messages) => received.push([...messages]));
    clock.runTurns();
    assert.deepEqual(received, [['a', 'b']]);
  });

  test('can be served by somebody else, who gets what is still in it', () => {
    const { clock, seen, actor } = makeTurns();
    const journal = actor('journal');
    journal.tell('a');
    journal.serve((messages) => seen.push(`the next one: ${messages.join(' ')}`));
    clock.runTurns();
    assert.deepEqual(seen, ['the next one: a', 'quiet']);
  });

  test('can be emptied: nobody is called for what was taken out', () => {
    const { clock, seen, actor } = makeTurns();
    const journal = actor('journal');
    journal.tell('a');
    journal.tell('b');
    assert.deepEqual(journal.drain(), ['a', 'b']);
    assert.deepEqual(journal.drain(), []);
    clock.runTurns();
    assert.deepEqual(seen, ['quiet']);
  });
});

describe('a turn', () => {
  test('goes on until no mailbox holds anything, and is quiet once after all of it', () => {
    const { clock, seen, actor } = makeTurns();
    const runner = actor('runner');
    const journal = actor('journal', (message) => {
      if (message === 'enqueue') dispatcher.tell('waiting');
      if (message === 'start') runner.tell('run');
    });
    const dispatcher = actor('dispatcher', () => journal.tell('start'));
    journal.tell('enqueue');
    clock.runTurns();
    assert.deepEqual(seen, ['journal: enqueue', 'dispatcher: waiting', 'journal: start', 'runner: run', 'quiet']);
  });

  test('serves mailboxes in the order in which they were told', () => {
    const { clock, seen, actor } = makeTurns();
    const [a, b, c] = [actor('a'), actor('b'), actor('c')];
    b.tell('1');
    a.tell('2');
    c.tell('3');
    b.tell('4');
    clock.runTurns();
    assert.deepEqual(seen, ['b: 1 4', 'a: 2', 'c: 3', 'quiet']);
  });

  test('takes in what the quiet itself tells, and is quiet again after that', () => {
    const { clock, turns, seen, actor } = makeTurns();
    const journal = actor('journal');
    let isFirst = true;
    turns.whenQuiet(() => {
      seen.push('quiet');
      if (isFirst) journal.tell('committed');
      isFirst = false;
    });
    journal.tell('a');
    clock.runTurns();
    assert.deepEqual(seen, ['journal: a', 'quiet', 'journal: committed', 'quiet']);
  });

  test('can be had at once by who is at the top of a turn already', () => {
    const { clock, turns, seen, actor } = makeTurns();
    const journal = actor('journal');
    journal.tell('a');
    turns.runNow();
    assert.deepEqual(seen, ['journal: a', 'quiet']);
    clock.runTurns();
    // The turn that was asked for comes all the same and finds nothing to do.
    assert.deepEqual(seen.slice(2), ['quiet']);
  });

  test('is not begun inside of another', () => {
    const { clock, turns, seen, actor } = makeTurns();
    const inner = actor('inner');
    const outer = actor('outer', () => {
      inner.tell('x');
      turns.runNow();
      seen.push('outer goes on');
    });
    outer.tell('go');
    clock.runTurns();
    assert.deepEqual(seen, ['outer: go', 'outer goes on', 'inner: x', 'quiet']);
  });

  test('ends after 8 ms of work, so that the event loop can serve others, and goes on in the next', () => {
    const { clock, seen, actor } = makeTurns();
    const slow = actor('slow', (message) => {
      clock.spend(3);
      if (Number(message) < 6) slow.tell(String(Number(message) + 1));
    });
    const other = actor('other');
    slow.tell('1');
    other.tell('x');
    clock.turn(() => seen.push('somebody else'));
    clock.runTurns();
    assert.deepEqual(
      seen,
      [
        'slow: 1',
        'other: x',
        'slow: 2',
        'slow: 3',
        'slow: 4',
        'quiet', // 9 ms after the first
        'somebody else',
        'slow: 5',
        'slow: 6',
        'quiet',
      ].filter((word) => word !== ''),
    );
  });

  test('is followed by another in which it is quiet once more, if the quiet asks for that', () => {
    const { clock, turns, seen, actor } = makeTurns();
    const journal = actor('journal');
    let isFirst = true;
    turns.whenQuiet(() => {
      seen.push('quiet');
      if (isFirst) turns.again();
      isFirst = false;
    });
    journal.tell('committed');
    clock.turn(() => seen.push('somebody else'));
    clock.runTurns();
    assert.deepEqual(seen, ['journal: committed', 'quiet', 'somebody else', 'quiet']);
  });

  test('has one moment for each time that an actor receives, however long that takes', () => {
    const { clock, turns, actor } = makeTurns();
    const moments: number[] = [];
    const slow = actor('slow', () => {
      moments.push(turns.clock.now());
      clock.spend(1);
    });
    const begin = clock.now();
    for (const message of ['a', 'b', 'c']) slow.tell(message);
    clock.runTurns();
    slow.tell('d');
    clock.runTurns();
    assert.deepEqual(moments, [begin, begin, begin, begin + 3]);
    assert.equal(turns.clock.now(), clock.now());
  });

  test('has one moment for all that receive within a millisecond, and a new one behind it', () => {
    const { clock, turns, actor } = makeTurns();
    const moments: number[] = [];
    const steps = [0, 0.25, 0.5, 0.25, 0.75, 2, 0].map((ms, n) =>
      actor(`step ${n}`, () => {
        moments.push(turns.clock.now());
        clock.spend(ms);
      }),
    );
    const begin = clock.now();
    for (const step of steps) step.tell('x');
    clock.runTurns();
    assert.deepEqual(moments, [begin, begin, begin, begin, begin + 1, begin + 1, begin + 3.75].map(Math.floor));
  });

  test('that is too long lets no message fall', () => {
    const { clock, seen, actor } = makeTurns();
    const mailboxes = Array.from({ length: 50 }, (_, n) => actor(`a${n}`, () => clock.spend(1)));
    for (const mailbox of mailboxes) mailbox.tell('x');
    clock.runTurns();
    assert.deepEqual(
      seen.filter((word) => word !== 'quiet'),
      mailboxes.map((_, n) => `a${n}: x`),
    );
    assert.equal(seen.at(-1), 'quiet');
  });
});

test('a closed mailbox gives what is in it, and what comes later, to who refuses it', () => {
  const { clock, turns, seen, actor } = makeTurns();
  actor('served');
  const closed = turns.mailbox<string>('closed');
  closed.serve(() => assert.fail('it was served'));
  closed.tell('early');
  turns.stop();
  const refused: string[] = [];
  closed.close((message) => refused.push(message));
  closed.tell('late');
  clock.runTurns();
  assert.deepEqual([refused, seen], [['early', 'late'], []]);
});

describe('an actor that throws', () => {
  test('is told of by name, and takes nothing from the mailboxes of others', () => {
    const { clock, seen, crashes, actor } = makeTurns();
    const fault = new Error('a fault');
    const bad = actor('bad', (message) => {
      if (message === 'boom') throw fault;
    });
    const good = actor('good');
    bad.tell('boom');
    good.tell('a');
    bad.tell('lost with it');
    clock.runTurns();
    assert.deepEqual(crashes, [['bad', fault]]);
    assert.deepEqual(seen, ['bad: boom lost with it', 'good: a', 'quiet']);
    bad.tell('again');
    good.tell('b');
    clock.runTurns();
    assert.deepEqual(seen.slice(3), ['bad: again', 'good: b', 'quiet']);
  });

  test('while being quiet is told of as well', () => {
    const { clock, turns, crashes, actor } = makeTurns();
    const fault = new Error('a fault');
    turns.whenQuiet(() => {
      throw fault;
    });
    const journal = actor('journal');
    journal.tell('a');
    clock.runTurns();
    assert.deepEqual(crashes, [['quiet', fault]]);
    journal.tell('b');
    clock.runTurns();
    assert.equal(crashes.length, 2);
  });

  test('does not end the turns, even if who is told of it throws', () => {
    const clock = createFakeClock();
    const turns = new Turns(clock, () => {
      throw new Error('the one who is told');
    });
    const received: string[] = [];
    const bad = turns.mailbox<string>('bad');
    const good = turns.mailbox<string>('good');
    bad.serve(() => {
      throw new Error('a fault');
    });
    good.serve((messages) => received.push(...messages));
    bad.tell('x');
    good.tell('a');
    assert.throws(() => clock.runTurns(), /the one who is told/);
    clock.runTurns();
    good.tell('b');
    clock.runTurns();
    assert.deepEqual(received, ['a', 'b']);
  });
});

describe('stopped turns', () => {
  test('deliver nothing, ask for nothing and are quiet no more', () => {
    const { clock, turns, seen, actor } = makeTurns();
    const journal = actor('journal');
    journal.tell('told before');
    turns.stop();
    journal.tell('told after');
    turns.mailbox<string>('new').serve(() => assert.fail('it was served'));
    turns.runNow();
    clock.runTurns();
    assert.deepEqual(seen, []);
    journal.tell('later');
    assert.equal(clock.turnsAsked, 0);
  });

  test('end with the actor that stopped them', () => {
    const { clock, turns, seen, actor } = makeTurns();
    const last = actor('last', () => turns.stop());
    const journal = actor('journal');
    last.tell('stop');
    journal.tell('a');
    clock.runTurns();
    assert.deepEqual(seen, ['last: stop']);
  });
});
