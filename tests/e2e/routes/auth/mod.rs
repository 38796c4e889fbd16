mod login;
mod setup;
