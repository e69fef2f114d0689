package ivoa

import "reflect"

// family is a set of types that stand in the same place and are told apart by
// their kind.
type family struct {
	iface   reflect.Type
	kinds   map[string]reflect.Type
	unknown reflect.Type // for any other kind
}

// families is the registry of kinds. The schema's abstract kinds are left out:
// a document that names one says nothing that could be carried out.
func families() []family {
	return []family{
		{typeOf[Executable](), map[string]reflect.Type{
			KindDockerContainer:      typeOf[DockerContainer](),
			KindSingularityContainer: typeOf[SingularityContainer](),
			KindJupyterNotebook:      typeOf[JupyterNotebook](),
			KindProcess:              typeOf[Process](),
			KindSequence:             typeOf[Sequence](),
		}, typeOf[UnknownExecutable]()},
		{typeOf[ComputeResource](), map[string]reflect.Type{
			KindSimpleCompute: typeOf[SimpleComputeResource](),
		}, typeOf[UnknownComputeResource]()},
		{typeOf[StorageResource](), map[string]reflect.Type{
			KindSimpleStorage: typeOf[SimpleStorageResource](),
		}, typeOf[UnknownStorageResource]()},
		{typeOf[DataResource](), map[string]reflect.Type{
			KindSimpleData: typeOf[SimpleDataResource](),
			KindS3Data:     typeOf[S3DataResource](),
			KindRucioData:  typeOf[RucioDataResource](),
			KindIvoaData:   typeOf[IvoaDataResource](),
			KindSkaoData:   typeOf[SkaoDataResource](),
		}, typeOf[UnknownDataResource]()},
		{typeOf[VolumeMount](), map[string]reflect.Type{
			KindSimpleVolume: typeOf[SimpleVolumeMount](),
		}, typeOf[UnknownVolumeMount]()},
		{typeOf[CostItem](), map[string]reflect.Type{
			KindFloatCost: typeOf[FloatCost](),
		}, typeOf[UnknownCost]()},
		{typeOf[MetricItem](), map[string]reflect.Type{
			KindFloatMetric: typeOf[FloatMetric](),
		}, typeOf[UnknownMetric]()},
		{typeOf[Timing](), map[string]reflect.Type{
			KindFlexibleTiming:        typeOf[FlexibleTiming](),
			KindFixedTiming:           typeOf[FixedTiming](),
			KindMonitorTiming:         typeOf[MonitorTiming](),
			KindMinimumIntervalTiming: typeOf[MinimumIntervalTiming](),
			KindEphemerisTiming:       typeOf[EphemerisTiming](),
		}, typeOf[UnknownTiming]()},
		{typeOf[Option](), map[string]reflect.Type{
			KindStringValueOption:  typeOf[StringValueOption](),
			KindEnumValueOption:    typeOf[EnumValueOption](),
			KindIntegerValueOption: typeOf[IntegerValueOption](),
			KindIntegerDeltaOption: typeOf[IntegerDeltaOption](),
		}, typeOf[UnknownOption]()},
		{typeOf[Update](), map[string]reflect.Type{
			KindStringValueUpdate:  typeOf[StringValueUpdate](),
			KindEnumValueUpdate:    typeOf[EnumValueUpdate](),
			KindIntegerValueUpdate: typeOf[IntegerValueUpdate](),
			KindIntegerDeltaUpdate: typeOf[IntegerDeltaUpdate](),
		}, typeOf[UnknownUpdate]()},
	}
}

// document is a type that stands alone, whose kind doesn't select a type.
type document struct {
	typ  reflect.Type
	root string // its element in XML
	kind string // written where the value has none
	must bool   // the schema requires a kind
}

func documents() []document {
	return []document{
		{typeOf[ExecutionRequest](), "offers-request", "", false},
		{typeOf[OfferSet](), "offers-response", KindOfferSet, false},
		{typeOf[Session](), "execution", KindScheduledSession, true},
		{typeOf[SessionList](), "executions", "", false},
	}
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }
