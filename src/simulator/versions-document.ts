import type { ServerResponse } from 'node:http';

/** Which versions of the API there are: clients ask for it before they log in. */
export function versionsDocument(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/xml; charset=utf-8' });
  response.end(
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<namespaces version="1.0"><namespace><name>urn:vim25</name><version>8.0.0.0</version>' +
      '<priorVersions><version>7.0</version><version>6.7</version><version>6.5</version></priorVersions>' +
      '</namespace></namespaces>\n',
  );
}
