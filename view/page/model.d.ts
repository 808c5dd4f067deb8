// Types of the page's script. The first part mirrors view/data.py, which writes the JSON.

type Box = [x: number, y: number, width: number, height: number];
type Corner = [x: number, y: number];
/** Region in pixels of the image, and the address of its file; null for WebP data inside the page. */
type CropRow = [x: number, y: number, width: number, height: number, source: string | null];
/** Type, box, area of a truth or score of a prediction, COCO run lengths of the mask. */
type ItemRow = [type: number, x: number, y: number, width: number, height: number, value: number, counts: string | null];
/** Indices of prediction and truth, IoU of their boxes, IoU of their masks (-1 without masks). */
type OverlapRow = [prediction: number, truth: number, boxes: number, masks: number];

interface DefectType {
  name: string;
  colour: string;
}

interface MetricTable {
  title: string;
  columns: string[];
  rows: string[][];
  note: string;
}

interface Model {
  name: string;
  propose: string[];
  /** Score threshold of the operating point. */
  threshold: number | null;
  /** Score thresholds of the folds of a cross-validation, else empty. */
  foldThresholds: number[];
  rule: string | null;
  /** Predictions below this score are not in the page. */
  floor: number;
  tables: MetricTable[];
  /** What the maps of the run show, null if it has none. */
  mapKind: "score" | "heat" | null;
  /** Values of its maps at which the colours start and end. */
  mapRange: [low: number, high: number];
  /** Value of its maps from which the run finds a defect, null if its predictions do not come from the map. */
  mapThreshold: number | null;
  /** Whether the run gives each image one type, or good. */
  oneType: boolean;
  /** Images, mean probability and share of right types of each bin; empty without image types. */
  calibration: [images: number, probability: number, right: number][];
  calibrationError: number | null;
  /** Its folder relative to that of the page, empty if it predicts no boxes. */
  run: string;
  card: RunCard | null;
}

interface RunCard {
  task: string;
  folder: string;
  dataset: string;
  contentSha256: string | null;
  date: string;
  madeBy: string;
  folds: number;
  epochsAsked: number | null;
  epochsDone: number;
  weights: string;
  /** Number of images of each split. */
  splits: Record<string, number>;
  changed: { name: string; value: string; default: string }[];
  numbers: { name: string; value: number; low: number | null; high: number | null }[];
  curves: { name: string; values: (number | null)[] }[];
  /** Corrections of the dataset since the run was made. */
  corrections: number;
}

/** The measures of runs `a` and `b`, by evaluate/compare.py. */
interface PairDifferences {
  a: number;
  b: number;
  images: number;
  resamples: number;
  measures: { measure: string; a: number; b: number; difference: number; interval: Interval; verdict: "better" | "worse" | "unclear" }[];
}

/** Address of a map, true for PNG data inside the page, null for none. */
type MapSource = string | true | null;

interface RawImage {
  name: string;
  width: number;
  height: number;
  split: string;
  folds: (number | null)[];
  truths: ItemRow[];
  predictions: ItemRow[][];
  overlaps: OverlapRow[][];
  /** Ignore regions, and the part of each prediction inside them. */
  ignored?: ItemRow[];
  inside?: OverlapRow[][];
  /** Reasons why labels of the image are suspected to be wrong. */
  suspects?: string[];
  crops: CropRow[];
  maps: MapSource[];
  /** What is drawn as truth, if that differs from what is judged. */
  shapes?: ItemRow[];
}

type Judging = "defects" | "types" | "images";

interface Data<I> {
  title: string;
  dataset: string;
  split: string;
  folder: string;
  hasTruth: boolean;
  /** What is judged: each defect, the type of each image, or only whether an image is found defective. */
  judging: Judging;
  types: DefectType[];
  models: Model[];
  images: I[];
  /** The dataset to correct, relative to the folder of the page, empty for new images. */
  correct: string;
  /** The number of images from which those of the page were chosen, 0 for all. */
  selected: number;
  /** In a page that was saved from another one: the settings to open with, and the notes. */
  address?: string;
  notes?: Record<string, string>;
  differences: PairDifferences[];
}

// From here on: values that the script computes.

type RawData = Data<RawImage>;
type PageData = Data<PageImage>;

/** A truth or a prediction; outline and paths are computed when first drawn. */
interface Item {
  type: number;
  box: Box;
  counts: string | null;
  loops?: Corner[][];
  paths?: Map<number, string>;
}

interface Truth extends Item {
  area: number;
}

interface Prediction extends Item {
  score: number;
}

/** A truth that a prediction overlaps. */
interface Pair {
  truth: number;
  boxes: number;
  masks: number;
}

/** The type of an ignore region, and the part of a prediction inside it. */
interface Inside {
  type: number;
  boxes: number;
  masks: number;
}

/** Predictions of one run on one image by falling score, and the truths that each of them overlaps. */
interface RunPredictions {
  predictions: Prediction[];
  pairs: Pair[][];
  /** For each prediction, the ignore regions that it overlaps; missing if the image has none. */
  inside?: Inside[][];
  /** The probability of any defect, of a run that gives each image one type. */
  anyDefect?: number;
}

interface PageImage {
  name: string;
  width: number;
  height: number;
  split: string;
  folds: (number | null)[];
  crops: CropRow[];
  maps: MapSource[];
  index: number;
  judging: Judging;
  truths: Truth[];
  shapes: Truth[];
  ignored?: Truth[];
  runs: RunPredictions[];
  good: boolean;
  /** Reasons why labels of the image are suspected to be wrong. */
  suspects: string[];
  /** Whether every truth and every prediction has a mask. */
  masked: boolean;
  types?: number[];
}

type IouKind = "boxes" | "masks";
type Size = "small" | "medium" | "large";
type Verdict = "right" | "wrong type" | "poorly located" | "found twice" | "nothing there" | "missed" | "ignored";

/** The judgement of one image with the counting predictions of one run. */
interface Judgement {
  /** Number of predictions that count. */
  count: number;
  iou: number;
  by: IouKind;
  /** Truth matched by each prediction, -1 for none, -2 for one inside an ignore region. */
  matched: number[];
  /** Prediction that matches each truth, -1 for none. */
  finders: number[];
  /** IoU of each prediction with its truth, null for none. */
  overlaps: (number | null)[];
  predictionVerdicts: Verdict[];
  truthVerdicts: Verdict[];
  right: number;
  wrong: number;
  unfound: number;
  miss: boolean;
  alarm: boolean;
  /** Like `matched`, but regardless of the type. */
  crossed?: number[];
  kinds?: string[];
  types?: number[];
}

/** Judgements by run, then by image. */
type Judged = Judgement[][];

interface Totals {
  found: number;
  wrong: number;
  unfound: number;
  missed: number;
  alarms: number;
  defective: number;
  good: number;
  precision: number | null;
  recall: number | null;
  defects: Shares;
  predictions: Shares;
}

/** Sums over images of the events among the cases of each, their squares and products. */
interface Shares {
  images: number;
  events: number;
  whole: number;
  eventsSquared: number;
  mixed: number;
  wholeSquared: number;
}

/** What the totals of a run are computed from: misses among defects, false ones among predictions. */
interface RunSums {
  missed: number;
  alarms: number;
  defective: number;
  good: number;
  defects: Shares;
  predictions: Shares;
}

interface CurvePoint {
  threshold: number;
  missed: number;
  alarms: number;
}

/** Words of a language: key -> text, or [one, many]. */
type Words = Record<string, string | [one: string, many: string]>;

type Interval = [low: number, high: number];

/** The threshold, as text, that keeps an allowance; null if none does. */
interface Allowance {
  allowed: number;
  threshold: string | null;
  missed: number;
  alarms: number;
}

/** All predictions of a run by falling score. */
interface Ranking {
  scores: Float64Array;
  /** The ranks of the predictions of each type, rising. */
  byType: Uint32Array[];
  /** The rank of each prediction of each image. */
  images: Uint32Array[];
}

/** Precision, recall and F1 if the predictions with at least this score count. */
interface ConfidencePoint {
  threshold: number;
  precision: number;
  recall: number;
  f1: number;
}

interface PrecisionRecall {
  truths: number;
  precision: Float64Array;
  recall: Float64Array;
  ap: number | null;
}

/** A count and, for a clicked table cell, the indices of the counted images. */
interface Tally {
  count: number;
  images: Set<number> | null;
}

interface TypeTallies {
  truths: Tally;
  found: Tally;
  unfound: Tally;
  wrong: Tally;
}

interface TypeRow extends TypeTallies {
  precision: number | null;
  recall: number | null;
}

/** Values of the runs at the current judgements. */
interface Tallies {
  totals(judged: Judged): Totals[];
  confusion(judged: Judged, run: number): Tally[][];
  types(judged: Judged, run: number): TypeRow[];
  sizes(judged: Judged, run: number): SizeCell[][];
}

interface SizeCell {
  truths: Tally;
  unfound: Tally;
}

/** A clicked table cell: table, row, column. */
type Cell = [table: string, row: number, column: number | string];

type Theme = "auto" | "light" | "dark";

/** The settings of the reader; the address stores them under the same names. */
interface State {
  tab: "images" | "tables";
  /** Score threshold of each run; null means the threshold of each fold. */
  thresholds: (number | null)[];
  iou: number;
  by: IouKind;
  focus: number;
  show: string[];
  types: number[];
  sizes: Size[];
  text: string;
  cell: Cell | null;
  sort: string;
  falling: boolean;
  hidden: number[];
  layers: string[];
  opacity: number;
  mapOpacity: number;
  /** Values of maps below it are not shown; 0 shows whole maps. */
  mapThreshold: number;
  /** Whether a threshold or the most probable type decides the type of an image. */
  decide: "threshold" | "probable";
  /** Probability below which the type of an image is left open. */
  abstain: number;
  tile: number;
  theme: Theme;
  /** The runs side by side. */
  pair: [first: number, second: number];
  /** Costs of an image missed and of a false alarm. */
  costs: [missed: number, alarm: number];
  /** Whether predictions below the threshold are drawn. */
  ghosts: boolean;
  /** Whether the curve of misses shows only its corner. */
  corner: boolean;
  /** Code of the chosen language, empty for that of the browser. */
  language: string;
  /** Notes of the reader by file name. */
  notes: Record<string, string>;
  image: string | null;
}

type StateKey = keyof State;

interface Store {
  state: State;
  initial: State;
  listen(listener: (keys: Set<StateKey>) => void): void;
  change(patch: Partial<State>): void;
  /** Write the address at once. */
  flush(): void;
}

interface FacetCounts {
  kinds: Map<string, number>;
  types: Map<number, number>;
  sizes: Map<Size, number>;
}

/** A truth or prediction that the reader selected. */
interface Selected {
  kind: "truth" | "prediction" | "ghost";
  index: number;
}

/** A part of the controls: its element, and a function that shows the current state. */
interface Control {
  root: HTMLElement;
  update(counts: FacetCounts): void;
}

interface View {
  zoom: number;
  x: number;
  y: number;
}

interface Stage {
  root: SVGElement;
  view: View;
  place(next: Partial<View>, notify?: boolean): void;
  fit(notify?: boolean): void;
  native(about?: { x: number; y: number } | null): void;
  zoomBy(factor: number, at?: { x: number; y: number }): void;
  moveBy(x: number, y: number): void;
  redraw(): void;
  addCrops(): void;
}

interface Detail {
  show(name: string | null, judged: Judged): void;
  step(by: number): void;
  copyCommand(): Promise<void>;
  savePng(): Promise<void>;
  close(): void;
  isOpen(): boolean;
  stage(): Stage;
  addCrops(): void;
}

type Child = Node | string | number | null | undefined | false | "";
type Children = Child | Child[] | Children[];

interface Window {
  /** For the tests of the page. */
  defectline: {
    state: State;
    store: Store;
    results(): { judged: Judged; chosen: PageImage[]; sums: Totals[] };
  };
}
