// SPDX-License-Identifier: MIT
// Builds dist/ from src/: the same bytes on every machine, for the lockfile names every tool.
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, 'dist');
const size_max = 150 * 1000; // gzip, all files together

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
    absWorkingDir: here,
    entryPoints: ['src/app.js', 'src/app.css'],
    outdir: out,
    bundle: true,
    format: 'esm',
    minify: true,
    target: ['chrome100', 'firefox100', 'safari15.4'],
    legalComments: 'none',
    charset: 'utf8',
    banner: {
        js: '// SPDX-License-Identifier: MIT AND Apache-2.0; the texts are in LICENSES.txt',
    },
    logLevel: 'warning',
});
for (const name of ['index.html', 'favicon.svg']) {
    copyFileSync(join(here, 'src', name), join(out, name));
}
const notices = ['preact', 'htm', 'uplot'].map((name) => {
    const folder = join(here, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const text = readFileSync(join(folder, 'LICENSE'), 'utf8').trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
});
writeFileSync(join(out, 'LICENSES.txt'), notices.join(`\n${'-'.repeat(72)}\n\n`));

let sum = 0;
for (const name of ['index.html', 'app.js', 'app.css', 'favicon.svg']) {
    const bytes = readFileSync(join(out, name));
    const zipped = gzipSync(bytes, { level: 9 }).length;
    sum += zipped;
    console.log(`${name.padEnd(12)} ${String(bytes.length).padStart(7)} ${String(zipped).padStart(7)} gzip`);
}
console.log(`${'together'.padEnd(20)} ${String(sum).padStart(7)} gzip, at most ${size_max}`);
if (sum > size_max) {
    console.error('the page is too large');
    process.exit(1);
}
