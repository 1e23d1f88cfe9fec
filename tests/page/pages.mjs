// SPDX-License-Identifier: MIT
// Every page, by real OCR: places lit and clicked, dark, at 200 %, on a phone, without motion, for
// axe; how soon it is there, and how soon the next card.
import { check, engine, equal, focus, folder, go, is_accessible, is_quiet, person, picture, serve, shot, source, test, until } from './lib.mjs';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

await test(async () => {
    mkdirSync(join(folder, 'jobs'));
    for (const name of ['invoice-001.jpg', 'invoice-002.png', 'invoice-006.jpg']) {
        copyFileSync(join(source, 'pipelines/invoice-ocr/samples', name), join(folder, 'jobs', name));
    }
    equal('the run waits for people', engine('run', join(source, 'pipelines/invoice-ocr/invoice-ocr.yaml'), 'jobs', '-p', 'threshold=0.99').code, 3);
    const server = await serve('jobs');
    const page = await person(server);

    console.log('-- how soon');
    await page.goto('about:blank');
    await page.goto(`${server.url}/`);
    await page.waitForSelector('.list tbody tr');
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1);
    console.log(`first paint after ${Math.round(paint)} ms`);
    check('it paints', paint >= 0);
    const sizes = await page.evaluate(() => performance.getEntriesByType('resource').filter((one) => /app\.(js|css)$/.test(one.name)).map((one) => one.decodedBodySize));
    check('script and style are there once', sizes.length === 2 && sizes.every((size) => size > 0), sizes);

    console.log('-- places');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.picture.there');
    await page.waitForSelector('.region.asked.lit');
    const [lit, stage] = [await page.locator('.region.lit').boundingBox(), await page.locator('.stage').boundingBox()];
    check('the first doubtful field\'s place is lit, and on the stage', lit.x >= stage.x && lit.y >= stage.y && lit.x + lit.width <= stage.x + stage.width + 1 && lit.height >= 10, { lit, stage });
    await shot(page, 'ocr-card');
    await is_accessible('a card with places', page);
    const other = await page.evaluate(() => {
        const { activeElement: here } = document;
        return [...document.querySelectorAll('.region.asked')].map((one) => one.dataset.pointer).find((pointer) => pointer !== here.dataset.field);
    });
    await page.keyboard.press('Escape');
    await page.keyboard.press('f');
    const place = await page.locator(`.region[data-pointer="${other}"]`).boundingBox();
    await page.mouse.click(place.x + place.width / 2, place.y + place.height / 2);
    await until('a click on a region gets its field', async () => (await focus(page)) === other);

    console.log('-- the next card');
    await until('two are held ahead', async () => (await page.evaluate(async () => (await fetch('/v1/asks')).json())).items.filter((one) => one.lease !== null).length === 3);
    await page.keyboard.press('Escape');
    await page.evaluate(() => {
        addEventListener('keydown', (event) => {
            if (event.key.toLowerCase() === 'j') {
                const begun = performance.now(), title = document.querySelector('.card h1').textContent;
                const look = () => {
                    const shown = document.querySelector('.card h1')?.textContent, picture = document.querySelector('.picture');
                    if (shown !== undefined && shown !== title && picture?.complete && picture.naturalWidth > 0) {
                        requestAnimationFrame(() => { globalThis.next_ms = performance.now() - begun; });
                    } else {
                        requestAnimationFrame(look);
                    }
                };
                look();
            }
        }, { capture: true });
    });
    await page.keyboard.press('j');
    await page.waitForFunction(() => globalThis.next_ms !== undefined);
    const next_ms = await page.evaluate(() => globalThis.next_ms);
    console.log(`the next card with its picture after ${Math.round(next_ms)} ms`);
    check('the next card is there without a wait for the engine', next_ms < 1000, next_ms);
    await page.keyboard.press('k');

    console.log('-- on the way elsewhere');
    await page.waitForSelector('.card[data-state=open]');
    await page.evaluate(() => { // the card changes between a click on a link and the word of it
        location.hash = '#/jobs';
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', bubbles: true }));
    });
    await page.waitForSelector('.jobs tbody tr');
    check('a card does not take its person back', page.url().endsWith('#/jobs'), page.url());

    console.log('-- every page, light and dark');
    const { items: jobs } = await page.evaluate(async () => (await fetch('/v1/jobs')).json());
    const pages = { queue: ['#/', '.list tbody tr'], jobs: ['#/jobs', '.jobs tbody tr'], job: [`#/job/${jobs[0].id}`, '.timeline li'], report: ['#/report', '.figures'], export: ['#/export', '.making'], card: ['#/next', '.picture.there'] };
    for (const scheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        for (const [name, [hash, selector]] of Object.entries(pages)) {
            await go(page, hash);
            await page.waitForSelector(selector);
            await is_accessible(`${name}, ${scheme}`, page);
            await shot(page, `${name}-${scheme}`);
            if (name === 'card' && scheme === 'dark') {
                await picture(page, 'dark');
            }
        }
    }
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    await is_accessible('the keys, dark', page);
    await shot(page, 'keys-dark');
    await page.keyboard.press('Escape');
    const moved = await page.evaluate(() => document.getAnimations().length);
    equal('nothing moves for who wants no motion', moved, 0);

    console.log('-- at 200 % and on a phone');
    await page.emulateMedia({ colorScheme: 'light' });
    for (const [name, width, height] of [['laptop', 1024, 768], ['zoom-200', 720, 450], ['phone', 390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [title, [hash, selector]] of Object.entries(pages)) {
            await go(page, hash);
            await page.waitForSelector(selector);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            check(`${title} at ${name}: nothing is cut off at the side`, wide <= 0, `${wide} pixels`);
            await is_accessible(`${title}, ${name}`, page);
            await shot(page, `${title}-${name}`);
        }
        const submit = page.locator('.answer .primary');
        await submit.scrollIntoViewIfNeeded();
        check(`at ${name} the card can be sent`, await submit.isVisible());
    }
    await page.setViewportSize({ width: 1800, height: 1125 });
    for (const [title, [hash, selector]] of Object.entries(pages)) {
        await go(page, hash);
        await page.waitForSelector(selector);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(`${title} at 80 %: nothing is cut off at the side`, wide <= 0, `${wide} pixels`);
        await shot(page, `${title}-zoom-80`);
    }
    is_quiet('every page', page);
});
