package ivoa

import "reflect"

// Clone returns a deep copy of a value of this package, so that an offer can
// change what it took from the request without changing the request.
func Clone[T any](value T) T {
	copied := reflect.New(typeOf[T]()).Elem()
	cloneInto(copied, reflect.ValueOf(&value).Elem())
	return copied.Interface().(T)
}

func cloneInto(to, from reflect.Value) {
	switch from.Kind() {
	case reflect.Pointer:
		if from.IsNil() {
			return
		}
		to.Set(reflect.New(from.Type().Elem()))
		cloneInto(to.Elem(), from.Elem())
	case reflect.Interface:
		if from.IsNil() {
			return
		}
		concrete := reflect.New(from.Elem().Type()).Elem()
		cloneInto(concrete, from.Elem())
		to.Set(concrete)
	case reflect.Slice:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			cloneInto(to.Index(i), from.Index(i))
		}
	case reflect.Map:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeMapWithSize(from.Type(), from.Len()))
		for entries := from.MapRange(); entries.Next(); {
			to.SetMapIndex(entries.Key(), entries.Value()) // keys and values are texts
		}
	case reflect.Struct:
		cloneStruct(to, from)
	default:
		to.Set(from)
	}
}

// cloneStruct copies field by field, but instants whole: they have no parts to share.
func cloneStruct(to, from reflect.Value) {
	if from.Type() == typeOf[Time]() {
		to.Set(from)
		return
	}
	for i := range from.NumField() {
		cloneInto(to.Field(i), from.Field(i))
	}
}
