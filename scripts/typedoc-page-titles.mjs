// A plugin of typedoc: a guide is called by its heading, and not by its file.
import { Converter } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    const [, heading] = /^# (.+)$/m.exec(document.content[0]?.text ?? '') ?? [];
    if (heading !== undefined) document.name = heading;
  });
}
