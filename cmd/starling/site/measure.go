package site

import (
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"starling/consensus"
	"starling/node/config"
	"starling/node/uploads"
)

// measureData registers what an operator wants to know of the data directory before
// it is full, and which program uses it.
func measureData(data, version string, metrics prometheus.Registerer) {
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_data_free_bytes", Help: "Bytes that are free where the data directory is; -1: it can't be told.",
		}, func() float64 {
			free, err := config.FreeSpace(data)
			if err != nil {
				return -1
			}
			return float64(free)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_build_info", Help: "1; the version of the program that runs is a label.",
			ConstLabels: prometheus.Labels{"version": version},
		}, func() float64 { return 1 }))
	for store, file := range map[string]string{"sessions": sessionsFile, "state": consensus.StateFile, "log": consensus.LogFile} {
		metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_store_bytes", Help: "The size of a store's file: of sessions, of the state of history and accounts, of the federation's log. Free pages of it are used again.",
			ConstLabels: prometheus.Labels{"store": store},
		}, func() float64 {
			info, err := os.Stat(filepath.Join(data, file))
			if err != nil {
				return 0 // a node that is alone has no log
			}
			return float64(info.Size())
		}))
	}
}

// measureUploads registers how much room the files of executors take.
func measureUploads(s *uploads.Store, metrics prometheus.Registerer) {
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_uploads_bytes", Help: "Bytes of the files that executors of other machines have sent.",
		}, func() float64 { return float64(s.Used()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_uploads_space_bytes", Help: "The most that there may be (uploads.space).",
		}, func() float64 { return float64(s.Space) }))
}
