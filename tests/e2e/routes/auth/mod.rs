mod introspect;
mod login;
mod logout;
mod refresh;
mod revoke;
mod sessions;
mod setup;
mod verify;
