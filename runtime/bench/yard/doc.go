package yard

//go:generate go tool ipcio-gen generate
