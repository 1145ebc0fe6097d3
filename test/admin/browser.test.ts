// The page in a real browser: it works without a script, and nothing that a job holds becomes one.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { serve, type Serving } from '../../src/admin/index.ts';
import { visible } from '../../src/admin/visible.ts';
import { defineJob, TerminateError, type Engine } from '../../src/index.ts';
import { openTestEngine } from '../support/engine.ts';
import { chromiumPath, launchChromium } from '../support/browser.ts';

/** What has become a script in other people's pages, put wherever text is shown. `X` is what would be run. */
const CORPUS = [
  '<script>X</script>',
  '"><script>X</script>',
  '</pre></dd></dl></details><script>X</script>',
  '</title><script>X</script>',
  '<img src=x onerror=X>',
  '<img src="x" onerror="X"//',
  '<svg onload=X>',
  '<svg><animate onbegin=X attributeName=x dur=1s>',
  "' onmouseover='X",
  '" autofocus onfocus="X" x="',
  '` onclick=`X`',
  '<details open ontoggle=X>',
  '<iframe srcdoc="<script>parent.X</script>">',
  '<iframe src="javascript:parent.X">',
  '<a href="javascript:X" id=bait>x</a>',
  '<a href="data:text/html,<script>X</script>">x</a>',
  '<object data="data:text/html,<script>X</script>">',
  '<embed src="javascript:X">',
  '<base href="https://evil.invalid/">',
  '<meta http-equiv="refresh" content="0;url=javascript:X">',
  '<form action="https://evil.invalid/"><button>x</button>',
  '<link rel=stylesheet href="https://evil.invalid/x.css">',
  '<style>@import "https://evil.invalid/x.css";</style>',
  '<style>*{background:url("https://evil.invalid/")}</style>',
  '<template><script>X</script></template>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=X&gt;">',
  '<noscript><p title="</noscript><img src=x onerror=X>">',
  '<!--><script>X</script>-->',
  '<![CDATA[<script>X</script>]]>',
  '&lt;script&gt;X&lt;/script&gt;',
  '&#60;script&#62;X&#60;/script&#62;',
  '\u003cscript\u003eX\u003c/script\u003e',
  '＜script＞X＜/script＞',
  '\u2028X\u2029',
  '${X}',
  '{{constructor.constructor("X")()}}',
  '%3Cscript%3EX%3C/script%3E',
  '\x00<script>X</script>',
  '<scr\x00ipt>X</scr\x00ipt>',
  '\x1b]0;X\x07\x1b[31mred',
  '\r\nSet-Cookie: x=1\r\n\r\n<script>X</script>',
  '\u202e<script>X</script>',
].map((text) => text.replaceAll('X', 'window.__struck=1'));

const skip = chromiumPath === undefined ? 'there is no chromium on this machine (set CHROMIUM to its path)' : false;

const hostile = defineJob<string>({
  type: 'hostile',
  run(text, { log, progress }) {
    log.error({ text }, text);
    progress({ text });
    const error = new TerminateError(text);
    error.name = text;
    error.stack = `${text}\n    at ${text}`;
    throw error;
  },
});
const photo = defineJob<{ file: string }>({
  type: 'photo:resize',
  run({ file }) {
    throw new TerminateError(`cannot read ${file}: no such file`);
  },
});

describe('the page of dead jobs in a browser', { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser.close());

  /** A page that brings the token, and everything it complains about. */
  async function openPage(serving: Serving, javaScriptEnabled = true): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({
      javaScriptEnabled,
      viewport: { width: 900, height: 760 },
      httpCredentials: { username: 'holdfast', password: serving.token },
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('dialog', (dialog) => {
      complaints.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => undefined);
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(serving.url)) complaints.push(`it asks for ${request.url()}`);
    });
    return { page, complaints };
  }

  async function withDead(
    engine: Engine,
    payloads: readonly unknown[],
    job: typeof hostile | typeof photo,
  ): Promise<void> {
    const handles = await engine.enqueueAll(payloads.map((payload) => [job, payload] as never));
    await Promise.allSettled(
      (handles as ReadonlyArray<{ result(): Promise<unknown> }>).map((handle) => handle.result()),
    );
  }

  test(`shows ${CORPUS.length} texts that want to be scripts as texts, wherever they stand`, async (t) => {
    const { jobs } = await openTestEngine(t, { jobs: [hostile] });
    await withDead(jobs, CORPUS, hostile);
    const serving = await serve(jobs, { port: 0 });
    const { page, complaints } = await openPage(serving);
    const addresses = [
      '/dead-jobs?size=500',
      ...CORPUS.map(
        (text) => `/dead-jobs?size=1&error=${encodeURIComponent(text)}&type=${encodeURIComponent(text)}`,
      ).slice(0, 8),
      `/dead-jobs?size=1&error=${encodeURIComponent(CORPUS.join(' '))}`,
    ];
    let shown = 0;
    for (const address of addresses) {
      const response = await page.goto(serving.url + address);
      // A type that cannot be one is refused, as JSON.
      if (response?.headers()['content-type']?.startsWith('application/json')) continue;
      const found = await page.evaluate(() => {
        const view = globalThis as never as {
          document: { querySelectorAll(what: string): ArrayLike<{ attributes: ArrayLike<{ name: string }> }> };
          __struck?: number;
        };
        const all = Array.from(view.document.querySelectorAll('*'));
        return {
          struck: view.__struck,
          strange: view.document.querySelectorAll(
            'script, iframe, object, embed, svg, img, base, style, template, meta[http-equiv], link:not([href="/style.css"])',
          ).length,
          handlers: all.flatMap(({ attributes }) => Array.from(attributes)).filter(({ name }) => name.startsWith('on'))
            .length,
          cards: view.document.querySelectorAll('li.job').length,
        };
      });
      const { cards, ...bad } = found;
      assert.deepEqual(bad, { struck: undefined, strange: 0, handlers: 0 }, address);
      shown += cards;
    }
    assert.equal(shown >= CORPUS.length, true);
    const payloads = await (await page.goto(`${serving.url}/dead-jobs?size=500`),
    page.locator('li.job dd:nth-of-type(2) pre').allTextContents());
    assert.deepEqual(payloads.sort(), CORPUS.map(visible).sort(), 'each text is shown as it is');
    assert.deepEqual(
      complaints.filter((text) => !text.includes('400 (Bad Request)')),
      [],
    );
  });

  test('revives and clears what was chosen, without any script, by keyboard too', async (t) => {
    const site = await openTestEngine(t, { jobs: [photo] });
    await withDead(
      site.jobs,
      ['a.jpg', 'b.jpg', 'c.jpg'].map((file) => ({ file })),
      photo,
    );
    const jobs = await site.restart({});
    const serving = await serve(jobs, { port: 0 });
    const { page } = await openPage(serving, false);
    await page.goto(`${serving.url}/`);
    assert.equal(await page.title(), 'Dead jobs (3)');
    await page.screenshot({
      path: process.env['SCREENSHOT'] ?? fileURLToPath(new URL('../../dead-jobs.png', import.meta.url)),
    });
    const [first = '', second = ''] = (await jobs.list({ state: 'dead' })).jobs.map(({ id }) => id);
    await page.getByLabel(`photo:resize / ${first}`).check();
    await page.getByRole('button', { name: 'Revive the chosen' }).click();
    assert.equal(await page.title(), 'Dead jobs (2)');
    assert.equal(page.url(), `${serving.url}/dead-jobs`);
    assert.equal((await jobs.get(first))?.state, 'waiting');
    await page.getByLabel(`photo:resize / ${second}`).focus();
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Clear the chosen' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('1 to 1 of 1').waitFor();
    assert.equal(await jobs.get(second), undefined);
    await page.getByRole('button', { name: 'Clear the chosen' }).click();
    assert.equal(await page.getByRole('alert').textContent(), 'no job IDs specified');
  });

  test('a page of another site gets nothing done, though the browser knows the token', async (t) => {
    const { jobs } = await openTestEngine(t, { jobs: [photo] });
    await withDead(jobs, [{ file: 'a.jpg' }], photo);
    const serving = await serve(jobs, { port: 0 });
    const { page } = await openPage(serving);
    await page.goto(`${serving.url}/dead-jobs`);
    const { port } = new URL(serving.url);
    const [id = ''] = (await jobs.list({ state: 'dead' })).jobs.map((job) => job.id);
    const other = await serve(jobs, { port: 0 });
    // Another origin: the same machine under another port, whose page is replaced.
    await page.route(`${other.url}/**`, (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<form id=f method=post action="http://127.0.0.1:${port}/clear-jobs"><input name=job_ids value="${id}"></form>`,
      }),
    );
    await page.goto(`${other.url}/`);
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith('/clear-jobs')),
      page.evaluate(() =>
        (globalThis as never as { document: { querySelector(what: string): { submit(): void } } }).document
          .querySelector('form')
          .submit(),
      ),
    ]);
    assert.equal(answer.status(), 403);
    assert.equal((await jobs.get(id))?.state, 'dead');
  });
});
