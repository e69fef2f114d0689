// Package ivoa is the wire model of IVOA ExecutionBroker 1.0: the documents that
// clients and brokers exchange, as Go types, and their three written forms.
//
// # Documents
//
// A client posts an ExecutionRequest: an Executable, a ComputeResource, and the
// StorageResources and DataResources that it needs. A broker answers with an
// OfferSet of Sessions, each of them one way to run the request. The client
// sends an Update to the Session that it chose. What a client may do now, a
// component's metadata lists as Options.
//
// Every part begins with a Component: its kind, its metadata and messages, its
// costs and metrics. Parts of which there are several kinds are small interfaces
// (Executable, DataResource, CostItem, …) over a closed set of types; Base, Life
// and the like reach what they have in common without a type switch. A kind that
// is none of ours is no error: it becomes an Unknown… value, which keeps all that
// came with it and is written back without loss, so that a broker can say NO to
// it in good order. Some kinds are our own: the executables Process and Sequence,
// and each Timing, which says when within a request's schedule, and how often.
//
// The types carry no rules beyond syntax. Whether names are unique, references
// lead somewhere and minima are below maxima is for the broker to judge.
//
// # Values
//
// Zero texts, lists and maps are absent and are left out. Numbers for which zero
// means something are pointers. Instants are RFC 3339 in UTC to the millisecond.
// Durations and intervals stay the text that was written, read with
// ParseDuration, ParsePeriod and ParseInterval. A day is 24 hours. Years and
// months follow the calendar where they hang on a date, and are refused where
// they don't. FormatDuration writes days, hours, minutes and seconds: P1DT2H.
//
// # Forms
//
// Decode and Encode read and write JSON, YAML and XML; MediaOf and Negotiate
// tell which one is meant. All three go by way of one small tree, and are guided
// by the Go types, whose tags are the only description of the wire format here.
// Reading is lenient where clients are known to be careless (numbers where text
// is declared, properties that nothing names, which are given notice of) and
// strict where leniency would hide a mistake (wrong types, names given twice).
// It is bounded by Limits in every direction.
//
// JSON is the canonical form. YAML is JSON's values in YAML's clothes: dates stay
// text, merge keys and tags are refused, aliases count every time they are used.
//
// XML is as the schema's xml entries have it:
//   - Roots are offers-request, offers-response and execution. On reading, the
//     schema's name of the type does as well. Roots the schema doesn't name:
//     update, option, executable and so on; and executions for our own lists.
//   - A kind is an attribute, everything else an element. Namespaces are ignored.
//   - The entries of a list stand side by side in their parent, named for the
//     entry where it has a name (cost, metric, message, connector), for the
//     property otherwise (command, volumes, data). Offers are wrapped: offers
//     holds execution elements. Other lists are read wrapped too.
//   - The entries of a map are elements named by the key, or <entry name="…">
//     where a key is no name for an element: <environment><OMP_NUM_THREADS>4….
//   - What came with an unknown kind, and our sequences' actions, are elements
//     with an attribute json="number|boolean|null|array|object" where they are
//     neither text nor an object with members; a list's entries are item
//     elements. Without such marks, repeated elements are a list.
package ivoa
