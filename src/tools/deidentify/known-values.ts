// What a message says of who it is about: the names, addresses, identifiers and dates that are replaced where they belong. A value
// that stays by the rules does not, if one of these is in it. Promises to look at values as they read, not as they are
// written: in any case, with accents or without.

/** A name is looked for as a word. One letter is an initial, and half of all words that have one. */
const SHORTEST_NAME = 2;
/** Words of an address are looked for one by one if they are longer than what all addresses are made of. */
const SHORTEST_PLACE = 4;
/** An identifier is looked for anywhere; shorter ones are numbers that say something else. */
const SHORTEST_ID = 5;
/** A postal code is looked for as a word, or some in a row: no shorter ones are in use. */
const SHORTEST_POSTCODE = 3;
/** A message with more is about a ward's worth of patients, and searching each value for each of them takes its time. */
const MAX_VALUES = 2000;

/** Written without spaces between words, so that a name, of one character too, may stand anywhere in a text. */
const UNSPACED =
  /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc]+$/u;

/** What addresses are made of says nothing of whose they are. In the languages that most of the messages have. */
const OF_ALL_ADDRESSES: ReadonlySet<string> = new Set(
  `STREET ROAD AVENUE LANE DRIVE COURT CLOSE PLACE SQUARE TERRACE GARDENS HIGHWAY BOULEVARD SUITE FLOOR UNIT ROOM BUILDING HOUSE
  APARTMENT NORTH SOUTH EAST WEST UPPER LOWER GREAT LITTLE SAINT NEAR STRASSE PLATZ GASSE ALLEE RUE CHEMIN CALLE AVENIDA PLAZA VIALE
  PIAZZA STRAAT LAAN PLEIN ULICA`.split(/\s+/),
);

export class KnownValues {
  readonly #words = new Set<string>();
  /** Found anywhere. */
  readonly #unspaced = new Set<string>();
  /** Some words in a row, by the first of them. */
  readonly #phrases = new Map<string, string[]>();
  readonly #ids = new Set<string>();
  #idPattern: RegExp | undefined;
  #unspacedPattern: RegExp | undefined;

  addName(value: string): void {
    for (const form of formsOf(value)) {
      const words = wordsOf(form);
      for (const word of words) this.#addWord(word, SHORTEST_NAME);
      // `O'Brien` is also written `OBrien`.
      if (words.length > 1) this.#addWord(words.join(''), SHORTEST_NAME + 1);
    }
  }

  /** A street, a house, a town. */
  addPlace(value: string): void {
    for (const form of formsOf(value)) {
      const words = wordsOf(form);
      if (words.length > 1) this.#addPhrase(words);
      for (const word of words)
        if (/\p{L}/u.test(word) && !OF_ALL_ADDRESSES.has(word)) this.#addWord(word, SHORTEST_PLACE);
      // A town of three letters is a town when nothing else stands there.
      const [only] = words;
      if (words.length === 1 && only !== undefined && /\p{L}/u.test(only))
        this.#addWord(only, SHORTEST_NAME + 1);
    }
  }

  addPostcode(value: string): void {
    for (const form of formsOf(value)) {
      const words = wordsOf(form);
      const joined = words.join('');
      if (joined.length < SHORTEST_POSTCODE || !/\d/.test(joined)) continue;
      this.#addPhrase(words);
      this.#addPhrase([joined]);
    }
  }

  addId(value: string): void {
    const id = value.trim().toUpperCase();
    if (id.length >= SHORTEST_ID && /\d{3}/.test(id) && this.#ids.size < MAX_VALUES) this.#ids.add(id);
  }

  /** An identifier is in it, whatever it is. */
  hasId(value: string): boolean {
    if (value.length < SHORTEST_ID || this.#ids.size === 0) return false;
    this.#idPattern ??= new RegExp([...this.#ids].map(quoted).join('|'));
    return this.#idPattern.test(value.toUpperCase());
  }

  /** A name or something of an address is in it: as words of their own, or anywhere where there are none. */
  hasName(value: string): boolean {
    if (value === '') return false;
    return formsOf(value).some((form) => this.#isIn(form));
  }

  #isIn(form: string): boolean {
    if (this.#unspaced.size > 0) {
      this.#unspacedPattern ??= new RegExp([...this.#unspaced].map(quoted).join('|'), 'u');
      if (this.#unspacedPattern.test(form)) return true;
    }
    const words = wordsOf(form);
    return words.some((word, at) => {
      if (this.#words.has(word)) return true;
      // `TN4 8AB` is also written `TN48AB`, and the other way round.
      const both = word + (words[at + 1] ?? '');
      if (this.#phrases.get(both)?.includes(both) === true) return true;
      const tail = `${words.slice(at).join(' ')} `;
      return this.#phrases.get(word)?.some((phrase) => tail.startsWith(`${phrase} `)) === true;
    });
  }

  #addWord(word: string, shortest: number): void {
    if (this.#words.size + this.#unspaced.size >= MAX_VALUES) return;
    if (UNSPACED.test(word)) {
      this.#unspaced.add(word);
      this.#unspacedPattern = undefined;
    } else if (word.length >= shortest) this.#words.add(word);
  }

  #addPhrase(words: readonly string[]): void {
    const [first] = words;
    if (first === undefined || this.#phrases.size >= MAX_VALUES) return;
    const phrases = this.#phrases.get(first) ?? [];
    const phrase = words.join(' ');
    if (!phrases.includes(phrase)) phrases.push(phrase);
    this.#phrases.set(first, phrases);
  }
}

function wordsOf(form: string): readonly string[] {
  return form.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
}

/** Letters that are no letter with an accent, and how they are written without. */
const SPELLED: Readonly<Record<string, string>> = {
  Æ: 'AE',
  Œ: 'OE',
  Ø: 'O',
  Ł: 'L',
  Đ: 'D',
  Ð: 'D',
  Þ: 'TH',
  Ħ: 'H',
  ẞ: 'SS',
};

/** `Müller` is `MULLER` and `MUELLER`: in capitals, without accents, and as German and the Nordic languages spell them out. */
function formsOf(value: string): readonly string[] {
  if (/^[\x20-\x7e]*$/.test(value)) return [value.toUpperCase()];
  const composed = value.normalize('NFKC').toUpperCase();
  const plain = composed
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .replace(/[ÆŒØŁĐÐÞĦẞ]/g, (char) => SPELLED[char] ?? char);
  const spelled = composed
    .normalize('NFC')
    .replace(/[ÄÖÜØÅ]/g, (char) => (char === 'Å' ? 'AA' : `${plainOf(char)}E`))
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .replace(/[ÆŒŁĐÐÞĦẞ]/g, (char) => SPELLED[char] ?? char);
  return spelled === plain ? [plain] : [plain, spelled];
}

function plainOf(char: string): string {
  return char === 'Ø' ? 'O' : char.normalize('NFD').charAt(0);
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
