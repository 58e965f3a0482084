const replacements: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

/** Text as it may stand in XML, in an element or between double quotes. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"\r]/g, (character) => replacements[character] ?? character);
}
