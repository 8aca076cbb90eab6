//go:generate go tool ipcio-gen generate

package everything
