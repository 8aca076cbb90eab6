//go:generate go tool ipcio-gen generate --tests

package jobrunner
