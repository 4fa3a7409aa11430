/** From results of the job to the instances of the derived series. */
export { derivedSeries, type DerivedSeriesOptions, type SourceHeader } from './derived-series';
export { provenanceOf } from './provenance';
